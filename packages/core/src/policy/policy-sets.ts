import { LRUCache } from "lru-cache";
import { Direction, PolicyShape, type PolicyKey, type PolicyValue } from "../datapath/schema.generated.ts";
import type { LabelSet, Selection } from "../labels/index.ts";
import { compileDirection, type CompiledDirection, type PolicyEntry } from "./compile.ts";
import type { Located } from "./located-endpoints.ts";
import type { Peers } from "./peers.ts";
import { resolveRules, type KnownPeers } from "./resolve-rules.ts";
import type { RuleBook, SubjectRules } from "./rule-book.ts";
import type { EnforcementMode, PolicyDirection } from "./types.ts";

/** What an endpoint's entry in the datapath says of its policy. */
export interface PolicyAssignment {
  readonly policy: number;
  readonly egressShape: number;
  readonly ingressShape: number;
}

/** A policy set in force, or on its way out. */
export interface PolicySet extends PolicyAssignment {
  readonly entries: ReadonlyMap<string, readonly [PolicyKey, PolicyValue]>;
  /** The policies that turned each direction to default deny. */
  readonly enforcedBy: Readonly<Record<PolicyDirection, readonly string[]>>;
}

/** A set as long as it is somebody's: entries of newcomers join it. */
interface OwnSet extends PolicySet {
  readonly entries: Map<string, readonly [PolicyKey, PolicyValue]>;
}

interface Subject {
  readonly labels: LabelSet;
  users: number;
  rules: Readonly<Record<PolicyDirection, SubjectRules>>;
  set: OwnSet;
  /** `rules`: anything may have changed; `peers`: only who the peers are. */
  dirty: "no" | "peers" | "rules";
}

export interface PolicySetChanges {
  /** To be there before anything refers to them. */
  readonly added: readonly (readonly [PolicyKey, PolicyValue])[];
  /** To go when nothing refers to them any more. */
  readonly removed: readonly PolicyKey[];
  /** To go at once. */
  readonly forgotten: readonly PolicyKey[];
}

/**
 * In set 0, which is nobody's: this identity's entries are in every set. Where a set denies peers by identity, one that
 * has no such mark passes by no wider allow: its deny may not have been written yet.
 */
const KNOWN: PolicyValue = { deny: 0, rule: 0 };

/** Its mark. */
export function knownKey(identity: number): PolicyKey {
  return { policy: 0, identity, direction: 0, protocol: 0, portBits: 0, port: 0 };
}

const NO_ENTRIES: PolicySet["entries"] = new Map();
const NOTHING: SubjectRules = { rules: [], enforcedBy: [] };

/**
 * One policy set for each identity that has an endpoint here. A set is immutable but for one thing: entries for an
 * identity that did not exist before are added to it, since no packet of its can have passed a deny it was not in yet
 * ({@link KNOWN}), and those of one that nobody has any more are taken away. Any other change makes a new set under a new
 * number.
 */
export class PolicySets {
  readonly #book: RuleBook;
  readonly #peers: Peers;
  readonly #mode: EnforcementMode;
  readonly #subjects = new Map<number, Subject>();
  #next = 1;
  #prefixRevision = 0;
  /** Identities added since the last update: entries for them, and only them, may join a set in force. */
  #newcomers = new Set<number>();
  /** Numbers that were somebody else's before: what was judged of them then must not count now. */
  readonly #former = new Set<number>();
  /** Sets that nobody is to have any more, and endpoints may still have until the next update is written. */
  #released: PolicySet[] = [];
  /** Prefixes whose rows are still to be written, and whose number their addresses have until then. */
  #fresh: ReadonlyMap<number, number> = new Map();
  /** Numbers that nobody has any more: entries for them, and only them, may leave a set in force. */
  readonly #departed = new Set<number>();
  /** Nothing has happened to who peers are since the last update but that identities came that nobody had before. */
  #onlyNewcomers = true;
  /** Sets of late, also those that are gone: events that name them may still be under way. */
  readonly #recent = new LRUCache<number, PolicySet>({ max: 4096 });
  /** Identities that have come or gone since the last update: what is so of each in the end. */
  #known = new Map<number, boolean>();

  constructor(options: { readonly book: RuleBook; readonly peers: Peers; readonly mode: EnforcementMode }) {
    this.#book = options.book;
    this.#peers = options.peers;
    this.#mode = options.mode;
    const { identities, located } = this.#peers;
    identities.events.on("selection:changed", ({ selection }) => this.#peersChanged(selection));
    located.events.on("located:changed", (changed) => this.#peersChanged(changed));
  }

  /** Numbers below are taken by an agent before this one. */
  reserveUpTo(policy: number): void {
    this.#next = Math.max(this.#next, policy + 1);
  }

  /** Someone here has this identity from now on. Give back with {@link PolicySets.release}. */
  acquire(identity: number, labels: LabelSet): void {
    const known = this.#subjects.get(identity);
    if (known !== undefined) {
      known.users++;
      return;
    }
    const set: OwnSet = {
      policy: 0,
      egressShape: 0,
      ingressShape: 0,
      entries: new Map(),
      enforcedBy: { egress: [], ingress: [] },
    };
    const rules = { egress: NOTHING, ingress: NOTHING };
    this.#subjects.set(identity, { labels, users: 1, rules, set, dirty: "rules" });
  }

  release(identity: number): readonly PolicyKey[] {
    const known = this.#subjects.get(identity);
    if (known === undefined || --known.users > 0) return [];
    this.#subjects.delete(identity);
    this.#released.push(known.set);
    return [...known.set.entries.values()].map(([key]) => key);
  }

  /** The policies that turned a direction to default deny in a set, also in one that is gone. */
  enforcedBy(policy: number, direction: PolicyDirection): readonly string[] {
    return this.#recent.get(policy)?.enforcedBy[direction] ?? [];
  }

  of(identity: number): PolicySet | undefined {
    return this.#subjects.get(identity)?.set;
  }

  /** Tells of identities that come and go. */
  identitiesChanged(changes: Iterable<readonly [id: number, labels: LabelSet | undefined]>): void {
    const list = [...changes];
    for (const [id, labels] of list) {
      if (labels === undefined || this.#former.has(id)) this.#onlyNewcomers = false;
      if (labels === undefined) {
        this.#former.add(id);
      } else if (!this.#former.has(id)) this.#newcomers.add(id);
      this.#known.set(id, labels !== undefined);
    }
    this.#peers.update(list);
  }

  /** Some policy came, went or changed. */
  policiesChanged(): void {
    for (const subject of this.#subjects.values()) subject.dirty = "rules";
  }

  /** Brings every set up to date, and says what that means for the datapath's map. */
  update(): PolicySetChanges {
    const added: (readonly [PolicyKey, PolicyValue])[] = [];
    const removed: PolicyKey[] = [];
    for (const id of this.#peers.takeDeparted()) this.#departed.add(id);
    this.#fresh = this.#peers.freshPrefixes();
    for (const id of this.#fresh.keys()) {
      this.#newcomers.add(id);
      this.#departed.delete(id);
    }
    if (this.#prefixRevision !== this.#peers.prefixRevision) {
      this.#prefixRevision = this.#peers.prefixRevision;
      for (const subject of this.#subjects.values()) if (subject.dirty === "no") subject.dirty = "peers";
    }
    for (const subject of this.#subjects.values()) {
      if (subject.dirty === "no") continue;
      if (!this.#extend(subject, added)) this.#rebuild(subject, added, removed);
      subject.dirty = "no";
    }
    for (const { entries } of this.#released.splice(0)) {
      const copies = this.inherited(entries.values());
      for (const copy of copies) {
        added.push(copy);
        removed.push(copy[0]);
      }
    }
    this.#newcomers = new Set();
    this.#onlyNewcomers = true;
    this.#departed.clear();
    const known = [...this.#known];
    this.#known = new Map();
    for (const [id, is] of known) if (is) added.push([knownKey(id), KNOWN]);
    const forgotten = known.filter(([, is]) => !is).map(([id]) => knownKey(id));
    return { added, removed, forgotten };
  }

  /**
   * Adds the entries of newcomers to a set in force, at a cost that has nothing to do with what is in it already.
   *
   * @returns `false` where more than that must be done.
   */
  #extend(subject: Subject, added: (readonly [PolicyKey, PolicyValue])[]): boolean {
    const { set: before, dirty } = subject;
    const simple = dirty === "peers" && this.#onlyNewcomers && this.#departed.size === 0;
    if (!simple || before.policy === 0) return false;
    const newcomers = [...this.#newcomers];
    const among: KnownPeers = {
      resolve: (peer) => this.#peers.resolveAmong(peer, newcomers),
      labelsOf: (id) => this.#peers.labelsOf(id),
    };
    const egress = this.#compile(subject, "egress", among);
    const ingress = this.#compile(subject, "ingress", among);
    const fits = (shape: number, wanted: number): boolean => (shape | wanted) >>> 0 === shape;
    if (!fits(before.egressShape, egress.shape) || !fits(before.ingressShape, ingress.shape)) return false;
    const grown = [...toEntries(before.policy, egress, ingress)].filter(([, [key]]) => key.identity !== 0);
    if (grown.some(([name]) => before.entries.has(name))) return false;
    for (const [name, entry] of grown) before.entries.set(name, entry);
    for (const [, entry] of grown.sort(deniesFirst)) added.push(entry);
    return true;
  }

  #rebuild(subject: Subject, added: (readonly [PolicyKey, PolicyValue])[], removed: PolicyKey[]): void {
    if (subject.dirty === "rules") {
      subject.rules = {
        egress: this.#book.rulesFor(subject.labels, "egress"),
        ingress: this.#book.rulesFor(subject.labels, "ingress"),
      };
    }
    const egress = this.#compile(subject, "egress");
    const ingress = this.#compile(subject, "ingress");
    const enforcedBy = { egress: subject.rules.egress.enforcedBy, ingress: subject.rules.ingress.enforcedBy };
    const before = subject.set;
    const current = toEntries(before.policy, egress, ingress);
    const shapes = { egressShape: egress.shape, ingressShape: ingress.shape };
    if (before.policy !== 0 && sameShapes(before, shapes)) {
      const grown = this.#growth(before, current);
      if (grown !== undefined) {
        for (const entry of grown) added.push(entry);
        for (const key of shrunk(before, current)) removed.push(key);
        subject.set = { ...before, entries: current, enforcedBy };
        return;
      }
    }
    const policy = this.#next++;
    const entries = toEntries(policy, egress, ingress);
    // One by one: a call takes no hundred thousand arguments.
    for (const entry of entries.values()) added.push(entry);
    for (const copy of this.inherited(before.entries.values())) {
      added.push(copy);
      removed.push(copy[0]);
    }
    for (const [key] of before.entries.values()) removed.push(key);
    subject.set = { policy, ...shapes, entries, enforcedBy };
    this.#recent.set(policy, { ...subject.set, entries: NO_ENTRIES });
  }

  /**
   * What a set that is on its way out must say of prefixes that are new: their addresses have been another's until now, and
   * are to be judged as that one is for as long as the set is asked.
   */
  inherited(entries: Iterable<readonly [PolicyKey, PolicyValue]>): (readonly [PolicyKey, PolicyValue])[] {
    const copies: (readonly [PolicyKey, PolicyValue])[] = [];
    if (this.#fresh.size === 0) return copies;
    for (const [key, value] of entries) {
      for (const [identity, parent] of this.#fresh)
        if (key.identity === parent) copies.push([{ ...key, identity }, value]);
    }
    return copies;
  }

  #compile(
    subject: Subject,
    direction: PolicyDirection,
    known: KnownPeers = {
      resolve: (peer) => this.#peers.resolve(peer),
      labelsOf: (id) => this.#peers.labelsOf(id),
    },
  ): CompiledDirection {
    if (this.#mode === "never") return { entries: [], shape: PolicyShape.POLICY_SHAPE_DEFAULT_ALLOW };
    const { rules, enforcedBy } = subject.rules[direction];
    const resolved = resolveRules(rules, direction, subject.labels, known);
    const { entries, shape } = compileDirection(resolved, this.#mode === "always" || enforcedBy.length > 0);
    const denies = rules.some(
      ({ deny, followed }) => deny && followed.some((peer) => this.#peers.grows(peer)),
    );
    return { entries, shape: denies ? (shape | PolicyShape.POLICY_SHAPE_DENIES_PEERS) >>> 0 : shape };
  }

  /** What must be added to a set in force, or `undefined` where that would not do. */
  #growth(
    before: PolicySet,
    current: ReadonlyMap<string, readonly [PolicyKey, PolicyValue]>,
  ): (readonly [PolicyKey, PolicyValue])[] | undefined {
    const grown: (readonly [PolicyKey, PolicyValue])[] = [];
    for (const [name, [key, value]] of before.entries) {
      const now = current.get(name)?.[1];
      if (now === undefined && this.#departed.has(key.identity)) continue;
      if (
        now === undefined ||
        now.deny !== value.deny ||
        now.rule !== value.rule ||
        key.policy !== before.policy
      ) {
        return undefined;
      }
    }
    for (const [name, entry] of current) {
      if (before.entries.has(name)) continue;
      if (!this.#newcomers.has(entry[0].identity)) return undefined;
      grown.push(entry);
    }
    // Whoever has an own entry is taken to have all of them.
    return grown.sort(([, a], [, b]) => b.deny - a.deny);
  }

  #peersChanged(changed: Selection | Located): void {
    for (const subject of this.#subjects.values()) {
      if (subject.dirty !== "no") continue;
      const { egress, ingress } = subject.rules;
      const concerned =
        this.#book.concerns(egress.rules, changed) || this.#book.concerns(ingress.rules, changed);
      if (concerned) subject.dirty = "peers";
    }
  }
}

/** Entries of identities that nobody has any more. */
function shrunk(
  before: PolicySet,
  current: ReadonlyMap<string, readonly [PolicyKey, PolicyValue]>,
): PolicyKey[] {
  return [...before.entries].filter(([name]) => !current.has(name)).map(([, [key]]) => key);
}

/** Whoever has an own entry is taken to have all of them. */
function deniesFirst(
  [, [, a]]: readonly [string, readonly [PolicyKey, PolicyValue]],
  [, [, b]]: readonly [string, readonly [PolicyKey, PolicyValue]],
): number {
  return b.deny - a.deny;
}

function sameShapes(a: Omit<PolicyAssignment, "policy">, b: Omit<PolicyAssignment, "policy">): boolean {
  return a.egressShape === b.egressShape && a.ingressShape === b.ingressShape;
}

function toEntries(
  policy: number,
  egress: CompiledDirection,
  ingress: CompiledDirection,
): Map<string, readonly [PolicyKey, PolicyValue]> {
  const entries = new Map<string, readonly [PolicyKey, PolicyValue]>();
  const add = (direction: number, entry: PolicyEntry): void => {
    const { identity, protocol, port, bits, deny, rule } = entry;
    const name = `${direction}:${identity}:${protocol}:${bits}:${port}`;
    entries.set(name, [
      { policy, identity, direction, protocol, portBits: bits, port },
      { deny: deny ? 1 : 0, rule },
    ]);
  };
  for (const entry of egress.entries) add(Direction.DIRECTION_EGRESS, entry);
  for (const entry of ingress.entries) add(Direction.DIRECTION_INGRESS, entry);
  return entries;
}
