import { describe, expect, it } from "vitest";
import { parsePolicy } from "@netloom/core";

const good = {
  name: "default/web",
  subject: {},
  ingress: [{ peers: [{ entity: "world" }], ports: [{ port: 80 }] }],
};

const bad: readonly (readonly [string, unknown, string])[] = [
  ["no object", 7, "policy 7 is no object"],
  ["an unknown field", { ...good, igress: [] }, "policy.igress"],
  ["a bad name", { ...good, name: "a b" }, '"a b" is no name of a policy'],
  ["no subject", { ...good, subject: undefined }, "select endpoints by labels, or every one by {}"],
  ["a bad selector", { ...good, subject: { matchLables: {} } }, "subject"],
  ["nothing to do", { name: "p", subject: {} }, "it would do nothing"],
  ["rules that are no list", { ...good, ingress: {} }, "ingress {} is no list"],
  ["an unknown action", { ...good, ingress: [{ action: "drop" }] }, 'ingress[0].action "drop" is no action'],
  ["empty peers", { ...good, ingress: [{ peers: [] }] }, "could mean anyone or nobody"],
  [
    "a peer that is two",
    { ...good, ingress: [{ peers: [{ entity: "world", cidr: "10.0.0.0/8" }] }] },
    "at once",
  ],
  [
    "an unknown entity",
    { ...good, ingress: [{ peers: [{ entity: "wrld" }] }] },
    'entity "wrld" is no entity',
  ],
  ["a CIDR with host bits", { ...good, egress: [{ peers: [{ cidr: "10.0.0.1/8" }] }] }, "write 10.0.0.0/8"],
  [
    "an except outside",
    { ...good, egress: [{ peers: [{ cidr: "10.0.0.0/8", except: ["11.0.0.0/16"] }] }] },
    'except[0] "11.0.0.0/16" is not inside 10.0.0.0/8',
  ],
  [
    "an except without cidr",
    { ...good, egress: [{ peers: [{ entity: "world", except: [] }] }] },
    "use it beside cidr",
  ],
  [
    "endpoints without cidr",
    { ...good, egress: [{ peers: [{ selector: {}, endpoints: true }] }] },
    "endpoints true has no cidr",
  ],
  [
    "endpoints that are no yes or no",
    { ...good, egress: [{ peers: [{ cidr: "10.0.0.0/8", endpoints: 1 }] }] },
    "no boolean",
  ],
  ["empty ports", { ...good, ingress: [{ ports: [] }] }, "leave `ports` out for every port"],
  ["port 0", { ...good, ingress: [{ ports: [{ port: 0 }] }] }, "ingress[0].ports[0].port 0 is out of range"],
  ["a port as text", { ...good, ingress: [{ ports: [{ port: "80" }] }] }, 'port "80" is out of range'],
  [
    "a range backwards",
    { ...good, ingress: [{ ports: [{ port: 90, endPort: 80 }] }] },
    "endPort 80 is below port 90",
  ],
  ["a range without start", { ...good, ingress: [{ ports: [{ endPort: 80 }] }] }, "has no port"],
  ["a port of ICMP", { ...good, ingress: [{ ports: [{ protocol: "ICMP", port: 8 }] }] }, "use icmpType"],
  [
    "a type of TCP",
    { ...good, ingress: [{ ports: [{ protocol: "TCP", icmpType: 8 }] }] },
    "set protocol: ICMP",
  ],
  [
    "a protocol in small letters",
    { ...good, ingress: [{ ports: [{ protocol: "tcp" }] }] },
    "write one of ANY, TCP",
  ],
  ["a name of a port with blanks", { ...good, ingress: [{ ports: [{ name: "my port" }] }] }, "is no name"],
  [
    "a port by name and by number",
    { ...good, ingress: [{ ports: [{ name: "http", port: 80 }] }] },
    'ports[0].name "http" stands beside the number 80',
  ],
  [
    "a name of a type of ICMP",
    { ...good, ingress: [{ ports: [{ protocol: "ICMP", name: "ping" }] }] },
    "ICMP has none",
  ],
  [
    "too many ports",
    { ...good, ingress: [{ ports: Array.from({ length: 41 }, () => ({ port: 80 })) }] },
    "use ranges (endPort)",
  ],
];

describe("a policy from outside", () => {
  it.each(bad)("is refused whole for %s, with what to do", (_, input, expected) => {
    expect(() => parsePolicy(input)).toThrow(expect.objectContaining({ code: "ERR_POLICY_INVALID" }));
    expect(() => parsePolicy(input)).toThrow(expected);
  });

  it("turns a direction to default deny when the section is there, even empty", () => {
    expect(parsePolicy({ name: "p", subject: {}, ingress: [] }).ingress).toEqual({
      defaultDeny: true,
      rules: [],
    });
    expect(parsePolicy({ name: "p", subject: {}, ingress: [] }).egress).toBeUndefined();
    const open = parsePolicy({ name: "p", subject: {}, ingress: [], defaultDeny: { ingress: false } });
    expect(open.ingress?.defaultDeny).toBe(false);
  });

  it("means TCP, UDP and SCTP by a port without a protocol", () => {
    const [rule] = parsePolicy(good).ingress!.rules;
    expect(rule?.blocks.map(({ protocol, port, bits }) => [protocol, port, bits])).toEqual([
      [6, 80, 16],
      [17, 80, 16],
      [132, 80, 16],
    ]);
  });
});
