import type { Endpoint } from "@netloom/core";
import { endsOf, TCP, tcpFrame, type Ends } from "./frames.ts";
import type { Replayer, Shot } from "./replayer.ts";
import { PORT, REMOTE_NODE, VIP, VIP_PORT, type Scene } from "./scene.ts";

/** What a test run answers for a packet that was sent on, `TCX_REDIRECT`, and for one that was dropped. */
export const REDIRECT = 7;
export const DROP = 2;

const BOTH = TCP.SYN | TCP.ACK;

/** The way of one packet of one flow. */
export interface Paths {
  /** From the client to a pod of the same node, of another node, to a service. */
  readonly local: Shot;
  readonly remote: Shot;
  readonly service: Shot;
  /** From another node to a pod of this one. */
  readonly arriving: Shot;
}

/** Opens connections as three packets each do, through the node's own programs. */
export class Connections {
  readonly #scene: Scene;
  readonly #replayer: Replayer;
  readonly #overlay: number;

  constructor(scene: Scene, replayer: Replayer, overlay: number) {
    this.#scene = scene;
    this.#replayer = replayer;
    this.#overlay = overlay;
  }

  /** A later packet of each path: its flow is established. */
  establish(): Paths {
    const { client, server, remotes } = this.#scene;
    const remote = remotes[0]!;
    return {
      local: this.#local(ends(client, address(server), 40_000)),
      remote: this.#remote(ends(client, address(remote), 40_001)),
      service: this.#remote({ ...ends(client, VIP, 40_002), destinationPort: VIP_PORT }),
      arriving: this.#arriving(remote, ends(remote, address(server), 40_003)),
    };
  }

  /** The first packet of a flow. */
  first(destination: string, destinationPort: number, way: Shot["way"] = "replay_new"): Shot {
    const { client } = this.#scene;
    const frame = tcpFrame({ ...ends(client, destination, 1), destinationPort, flags: TCP.SYN });
    return { frame, target: "from_container", way, ifindex: client.attachment!.ifindex };
  }

  #local(there: Ends): Shot {
    const { client, server } = this.#scene;
    this.#pass(this.#leaves(client, there, TCP.SYN));
    this.#pass(this.#leaves(server, back(there), BOTH));
    return this.#leaves(client, there, TCP.ACK);
  }

  #remote(there: Ends): Shot {
    const { client, remotes } = this.#scene;
    const packet = this.#pass(this.#leaves(client, there, TCP.SYN));
    // Where the destination is a service, the packet went to a backend: that one answers.
    const sent = endsOf(packet);
    const backend = remotes.find((pod) => address(pod) === sent.destination)!;
    this.#pass(this.#arrives(backend, back(sent), BOTH));
    return this.#leaves(client, there, TCP.ACK);
  }

  #arriving(from: Endpoint, there: Ends): Shot {
    this.#pass(this.#arrives(from, there, TCP.SYN));
    this.#pass(this.#leaves(this.#scene.server, back(there), BOTH));
    return this.#arrives(from, there, TCP.ACK);
  }

  #leaves(pod: Endpoint, between: Ends, flags: number): Shot {
    const ifindex = pod.attachment!.ifindex;
    return { frame: tcpFrame({ ...between, flags }), target: "from_container", way: "replay", ifindex };
  }

  #arrives(from: Endpoint, between: Ends, flags: number): Shot {
    this.#replayer.tunnel(REMOTE_NODE, from.identity);
    const frame = tcpFrame({ ...between, flags });
    return { frame, target: "from_overlay", way: "replay_tunnel", ifindex: this.#overlay };
  }

  #pass(shot: Shot): Uint8Array {
    const { verdict, packet } = this.#replayer.send(shot);
    if (verdict === REDIRECT) return packet;
    const { source, destination } = endsOf(shot.frame);
    throw new Error(`${shot.target} answered ${verdict} to a packet from ${source} to ${destination}`);
  }
}

function ends(from: Endpoint, destination: string, sourcePort: number): Ends {
  return { source: address(from), destination, sourcePort, destinationPort: PORT };
}

function back({ source, destination, sourcePort, destinationPort }: Ends): Ends {
  return {
    source: destination,
    destination: source,
    sourcePort: destinationPort,
    destinationPort: sourcePort,
  };
}

export function address(pod: Endpoint): string {
  return pod.addresses[0]!;
}
