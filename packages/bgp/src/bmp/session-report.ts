import type { Down } from "../session/handler.ts";
import type { FsmEventKind } from "../session/fsm.ts";
import { withoutScope } from "../speaker/callers.ts";
import type { MonitoredSession } from "../speaker/monitor.ts";
import { encodeEndOfRib } from "../wire/pack.ts";
import type { Update } from "../wire/update.ts";
import { encodeBmp, routeMonitoring } from "./encode.ts";
import { BMP_STATISTIC, type BmpPeer, type BmpStatistic, type PeerDownReason } from "./messages.ts";
import { reportable } from "./reportable.ts";

/** What stations are told of one session. */
export class SessionReport {
  readonly #session: MonitoredSession;
  readonly #peer: BmpPeer;
  readonly #monitoring: (update: Uint8Array, at: number) => Uint8Array;
  #up: Uint8Array | undefined;
  #rejected = 0;
  #rejectedNow = 0;

  constructor(session: MonitoredSession) {
    this.#session = session;
    const { remote, remoteAsn, remoteRouterId, context, establishedAt } = session;
    this.#peer = {
      ...{ type: 0, distinguisher: 0n, address: withoutScope(remote.address) },
      ...{ asn: remoteAsn, routerId: remoteRouterId, at: establishedAt },
      ...{ postPolicy: false, legacyAsPath: !context.fourOctetAs, adjRibOut: false },
    };
    this.#monitoring = routeMonitoring(this.#peer);
  }

  /** Peer Up. */
  up(): Uint8Array {
    const { local, remote, opens } = this.#session;
    return (this.#up ??= encodeBmp({
      ...{ kind: "peer-up", peer: this.#peer, information: [] },
      ...{ localAddress: withoutScope(local.address), localPort: local.port, remotePort: remote.port },
      ...{ sent: opens.sent, received: opens.received },
    }));
  }

  /** What the peer has told so far, some at a time. When it told it is not known. */
  *replay(endOfRib: boolean): Generator<readonly Uint8Array[], void, undefined> {
    for (const family of this.#session.context.families) {
      const updates = this.#session.replay(family);
      for (let next = updates.next(); next.done !== true; next = updates.next())
        yield next.value.map((update) => this.#monitoring(update, 0));
      if (endOfRib) yield [this.#monitoring(encodeEndOfRib(family), 0)];
    }
  }

  /** An UPDATE that has just come. */
  update(message: Uint8Array, update: Update, now: number): readonly Uint8Array[] {
    const { context } = this.#session;
    return reportable(message, update, context).map((each) => this.#monitoring(each, now));
  }

  withdrawn(message: Uint8Array, now: number): Uint8Array {
    return this.#monitoring(message, now);
  }

  down(how: Down, now: number): Uint8Array {
    return encodeBmp({ kind: "peer-down", peer: { ...this.#peer, at: now }, reason: reasonOf(how) });
  }

  statistics(now: number): Uint8Array {
    const families = this.#session.context.families.map((family) => ({
      family,
      ...this.#session.counts(family),
    }));
    const received = families.reduce((sum, each) => sum + each.received, 0);
    const rejected = families.reduce((sum, each) => sum + each.received - each.accepted, 0);
    // It is to be a counter, and the RIB knows how many there are: what they grow by from report to report adds up.
    this.#rejected += Math.max(0, rejected - this.#rejectedNow);
    this.#rejectedNow = rejected;
    const statistics: BmpStatistic[] = [
      { type: BMP_STATISTIC.prefixesRejected, value: BigInt(this.#rejected % 2 ** 32), bits: 32 },
      { type: BMP_STATISTIC.adjRibIn, value: BigInt(received), bits: 64 },
      ...families.map((each) => ({
        type: BMP_STATISTIC.adjRibInOfFamily,
        family: each.family,
        value: BigInt(each.received),
      })),
    ];
    return encodeBmp({ kind: "statistics-report", peer: { ...this.#peer, at: now }, statistics });
  }
}

/** RFC 4271 section 8.1, of events that may end a session without a NOTIFICATION. */
const FSM_EVENT: Readonly<Partial<Record<FsmEventKind, number>>> = { "manual-stop": 2, "automatic-stop": 8 };

function reasonOf({ notification, sent, event }: Down): PeerDownReason {
  if (notification !== undefined) return { by: sent ? "local" : "remote", notification };
  return event === "tcp-fails" ? { by: "remote" } : { by: "local", fsmEvent: FSM_EVENT[event] ?? 0 };
}
