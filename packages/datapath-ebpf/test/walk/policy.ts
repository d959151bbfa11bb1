import { icmp, ip, PROTOCOL, sctp } from "../support/packets.ts";
import type { Suite } from "./bench.ts";
import { fromPod, walks, type WalkCase } from "./case.ts";
import { asked, client, datagram, DENIED, ingress, SET, syn, tcpRow, to } from "./policy-questions.ts";
import { A, B } from "./world.ts";

const probes: readonly WalkCase[] = [
  asked(
    "refuses everything where nothing is allowed",
    [],
    [
      [syn(80), to(80), DENIED],
      [...datagram(53), DENIED],
      [icmp(A, B, { echoId: 3 }), "", DENIED],
      [ip(A, B, 47, new Uint8Array(8)), "", DENIED],
    ],
  ),
  asked(
    "allows a peer one port",
    [{ ...tcpRow, identity: 300, port: 80, rule: 4 }],
    [
      [syn(80), to(80), [4, "l3-l4"]],
      [syn(81), to(81), DENIED],
      [...datagram(80), DENIED],
    ],
  ),
  asked(
    "allows anyone one port",
    [{ ...tcpRow, port: 80, rule: 4 }],
    [
      [syn(80), to(80), [4, "l4"]],
      [syn(8080), to(8080), DENIED],
    ],
  ),
  asked(
    "allows a block of ports, and not the ports around it",
    [{ ...tcpRow, port: 8192, bits: 10, rule: 5 }],
    [
      [syn(8192), to(8192), [5, "l4"]],
      [syn(8255), to(8255), [5, "l4"]],
      [syn(8256), to(8256), DENIED],
      [syn(8191), to(8191), DENIED],
    ],
  ),
  asked(
    "allows half of all ports",
    [{ ...tcpRow, identity: 300, port: 32768, bits: 1, rule: 6 }],
    [
      [syn(65535), to(65535), [6, "l3-l4"]],
      [syn(32767), to(32767), DENIED],
    ],
  ),
  asked(
    "allows a protocol",
    [
      { ...tcpRow, rule: 7 },
      { protocol: PROTOCOL.udp, identity: 300, rule: 8 },
    ],
    [
      [syn(1), to(1), [7, "protocol"]],
      [...datagram(1), [8, "l3-protocol"]],
      [icmp(A, B), "", DENIED],
    ],
  ),
  asked(
    "allows a peer everything",
    [{ identity: 300, rule: 9 }],
    [
      [syn(1), to(1), [9, "l3"]],
      [ip(A, B, 47, new Uint8Array(8)), `47 ${A}:0 > ${B}:0`, [9, "l3"]],
    ],
  ),
  asked("allows anyone everything", [{ rule: 10 }], [[syn(1), to(1), [10, "all"]]]),
  asked(
    "allows nothing to another peer",
    [{ identity: 301 }, { ...tcpRow, identity: 400, port: 80 }],
    [[syn(80), to(80), DENIED]],
  ),
  asked(
    "tells SCTP by its ports",
    [{ protocol: PROTOCOL.sctp, port: 5000, rule: 3 }],
    [
      [sctp(client, `${B}:5000`), to(5000, "sctp"), [3, "l4"]],
      [sctp(client, `${B}:5001`), to(5001, "sctp"), DENIED],
    ],
  ),
];

const order: readonly WalkCase[] = [
  asked(
    "lets the longer block decide",
    [
      { ...tcpRow, port: 80, rule: 1 },
      { ...tcpRow, port: 0, bits: 9, deny: true, rule: 2 },
      { ...tcpRow, rule: 3 },
    ],
    [
      [syn(80), to(80), [1, "l4"]],
      [syn(81), to(81), [2, "l4", "policy-deny-rule"]],
      [syn(128), to(128), [3, "protocol"]],
    ],
  ),
  asked(
    "lets the peer's own entry decide before anyone's of the same length",
    [
      { ...tcpRow, port: 80, rule: 1 },
      { ...tcpRow, port: 80, identity: 300, deny: true, rule: 2 },
      { identity: 300, rule: 3 },
      { deny: true, rule: 4 },
    ],
    [
      [syn(80), to(80), [2, "l3-l4", "policy-deny-rule"]],
      [syn(81), to(81), [3, "l3"]],
    ],
  ),
  asked(
    "lets a protocol decide before any protocol",
    [
      { protocol: PROTOCOL.udp, rule: 1 },
      { identity: 300, deny: true, rule: 2 },
    ],
    [
      [...datagram(9), [1, "protocol"]],
      [syn(9), to(9), [2, "l3", "policy-deny-rule"]],
    ],
  ),
  asked(
    "lets a deny stand out of an open direction",
    [{ ...tcpRow, port: 80, deny: true, rule: 1 }],
    [
      [syn(80), to(80), [1, "l4", "policy-deny-rule"]],
      [syn(81), to(81), [0, "none"]],
    ],
    { open: true },
  ),
  {
    name: "skips what a set's shape does not ask for",
    given: (world) => {
      world.policy("b", SET, [{ ...tcpRow, direction: "ingress", port: 80, rule: 1 }]);
      world.pod("b", { policy: SET, ingressShape: 1 });
    },
    walk: [fromPod("a", syn(80), ingress(to(80), DENIED))],
  },
];

export const policy: Suite = (runner, create) => {
  walks(runner, create, "policy", probes);
  walks(runner, create, "the order of a policy set's entries", order);
};
