import { BgpError } from "../errors.ts";
import type { PeerConfig } from "../api/config.ts";
import type { PeerState } from "../api/status.ts";
import type { Connection, ConnectOptions } from "../transport/transport.ts";
import type { Negotiated } from "../wire/negotiate.ts";
import { CEASE } from "../wire/notification.ts";
import type { Open } from "../wire/open.ts";
import { ceaseNotification } from "./cease.ts";
import { survivor, type Speaking } from "./collision.ts";
import type { FsmEvent } from "./fsm.ts";
import { isCollision, type Delivery } from "./inbound.ts";
import { Machine, type Change, type MachineOwner } from "./machine.ts";
import type { Patience } from "./patience.ts";
import { keepsRoutes } from "./reason.ts";
import type { Surroundings } from "./surroundings.ts";

/** What the connections of a peer are told, and tell. */
export interface ConnectionsOwner {
  readonly config: PeerConfig;
  readonly local: Speaking;
  target(): Omit<ConnectOptions, "signal"> | undefined;
  open(): Open;
  /** This one is the session now. */
  established(machine: Machine): void;
  /** An attempt is over; with `negotiated`: the session is. */
  ended(change: Change, negotiated: Negotiated | undefined): void;
  /** A state has changed. */
  moved(): void;
  deliver(delivery: Delivery): void;
  writable(): void;
}

/** The states of a session, each further than the one before. */
const STATES: readonly PeerState[] = [
  ...(["idle", "connect", "active", "open-sent", "open-confirm", "established"] as const),
];

/**
 * The connections with one peer: our call, the peer's, and the one that has become the session.
 *
 * What is decided is decided so that both sides come to the same, whatever arrives first. With RFC 4271 section 6.8 alone
 * they may not: one establishes the connection that the other gives up. So who has confirmed the peer's OPEN on one
 * connection sends none on another, which waits for what becomes of the first; and where an OPEN was sent on both, the
 * first that comes back decides.
 */
export class Connections implements MachineOwner {
  readonly #around: Surroundings;
  readonly #patience: Patience;
  readonly #owner: ConnectionsOwner;
  /** Our call, or the wait for it: always there while nothing is established. */
  #outgoing: Machine | undefined;
  #incoming: Machine | undefined;
  #current: Machine | undefined;
  #wanted = false;
  #hurry = false;

  constructor(around: Surroundings, patience: Patience, owner: ConnectionsOwner) {
    this.#around = around;
    this.#patience = patience;
    this.#owner = owner;
  }

  /** Established. */
  get current(): Machine | undefined {
    return this.#current;
  }

  get incoming(): Machine | undefined {
    return this.#incoming;
  }

  /** Of the most advanced. */
  get state(): PeerState {
    const rank = Math.max(0, ...this.all().map(({ state }) => STATES.indexOf(state)));
    return STATES[rank] ?? "idle";
  }

  get config(): PeerConfig {
    return this.#owner.config;
  }

  all(): Machine[] {
    return [this.#current, this.#outgoing, this.#incoming].filter((machine) => machine !== undefined);
  }

  start(): void {
    this.#wanted = true;
    this.#outgoing = new Machine("outgoing", this.#around, this);
    if (this.config.passive === true) this.#outgoing.handle({ kind: "manual-start-passive" });
    else
      this.#patience.soon(() => {
        this.#outgoing?.handle({ kind: "manual-start" });
      });
  }

  /** @returns when all are closed */
  async stop(event: (machine: Machine) => FsmEvent): Promise<void> {
    this.#wanted = false;
    this.#patience.close();
    const machines = this.all();
    const closed = machines.map((machine) => machine.closed);
    for (const machine of machines) machine.handle(event(machine));
    this.#outgoing = undefined;
    this.#incoming = undefined;
    this.#owner.moved();
    await Promise.all(closed);
  }

  /** All end, and begin again; in a hurry: without an idle hold. */
  reset(event: (machine: Machine) => FsmEvent, hurry: boolean): void {
    this.#hurry = hurry;
    for (const machine of this.all()) if (machine.state !== "idle") machine.handle(event(machine));
    this.#hurry = false;
  }

  accept(connection: Connection): void {
    const machine = new Machine("incoming", this.#around, this);
    this.#incoming = machine;
    machine.attach(connection);
    this.#owner.moved();
  }

  target(): Omit<ConnectOptions, "signal"> | undefined {
    return this.#owner.target();
  }

  open(): Open {
    return this.#owner.open();
  }

  mayGreet(machine: Machine): boolean {
    if (this.#other(machine)?.state === "open-confirm") return false;
    return machine.direction === "outgoing" || this.#patience.breathed(() => this.#proceed());
  }

  mayConfirm(machine: Machine, remote: Open): boolean {
    if (this.#current !== undefined) {
      // RFC 4724 section 5, but not before the peer has said who it is: a mere connection ends no session.
      const error = new BgpError("ERR_BGP_TRANSPORT", "the peer has called again: it has restarted");
      this.#current.handle({ kind: "tcp-fails", error });
      return true;
    }
    const other = this.#other(machine);
    if (other?.state !== "open-sent" && other?.state !== "open-confirm") return true;
    const { local } = this.#owner;
    const asn = this.config.localAsn ?? local.asn;
    if (survivor({ ...local, asn }, remote) !== machine.direction) return false;
    other.handle({ kind: "collision-dump" });
    return true;
  }

  changed(machine: Machine, change: Change): void {
    if (change.to === "established") this.#establish(machine);
    else if (change.to === "idle") this.#end(machine, change);
    else {
      // The peer has hung up before it said a word: there is nothing to wait for on its call.
      if (machine === this.#incoming && change.to === "active") this.#incoming = undefined;
      this.#owner.moved();
    }
  }

  countRetry(machine: Machine, event: FsmEvent): void {
    if (machine !== this.#incoming && !isCollision(event)) this.#patience.failed();
  }

  clearRetries(): void {
    this.#patience.forget();
  }

  restart(machine: Machine): void {
    if (!this.#wanted) return;
    const idle = this.#outgoing?.state === "idle";
    if (idle && (machine === this.#outgoing || !this.#patience.waiting)) {
      if (this.#hurry) this.#patience.soon(() => this.#begin());
      else this.#patience.later(() => this.#begin());
    }
    this.#proceed();
  }

  deliver(delivery: Delivery): void {
    this.#owner.deliver(delivery);
  }

  writable(machine: Machine): void {
    if (machine === this.#current) this.#owner.writable();
  }

  /** A peer that can restart calls again because it has. */
  get mayHaveRestarted(): boolean {
    const negotiated = this.#current?.negotiated;
    return negotiated !== undefined && keepsRoutes(negotiated, undefined);
  }

  /** The idle hold is over. */
  #begin(): void {
    const kind = this.config.passive === true ? "automatic-start-passive" : "automatic-start";
    if (this.#outgoing?.state === "idle") this.#outgoing.handle({ kind });
  }

  #other(machine: Machine): Machine | undefined {
    return machine === this.#incoming ? this.#outgoing : this.#incoming;
  }

  /** What waited for another connection, or for breath, does so no longer. */
  #proceed(): void {
    for (const machine of [this.#outgoing, this.#incoming])
      if (machine?.parked === true && this.mayGreet(machine)) machine.proceed();
  }

  #establish(machine: Machine): void {
    const other = this.#other(machine);
    this.#patience.cancel();
    this.#patience.succeeded();
    this.#outgoing = undefined;
    this.#incoming = undefined;
    this.#current = machine;
    other?.refuse(ceaseNotification({ subcode: CEASE.collisionResolution }, undefined));
    this.#owner.established(machine);
  }

  #end(machine: Machine, change: Change): void {
    const { event, sent } = change;
    const said = sent !== undefined || event.kind === "notification";
    if (said && !isCollision(event)) this.#patience.takeBreath();
    if (machine === this.#incoming) this.#incoming = undefined;
    const { negotiated } = machine;
    const current = machine === this.#current;
    if (current) {
      this.#current = undefined;
      this.#patience.ended();
      if (this.#wanted) this.#outgoing = new Machine("outgoing", this.#around, this);
    }
    this.#owner.ended(change, current ? negotiated : undefined);
  }
}
