import { parseAddress } from "../wire/address.ts";
import { identifier } from "./attribute-store.ts";
import type { LearnedFrom } from "./egress.ts";
import type { RibPeer } from "./peer.ts";

/** Where routes come from: a peer, or a set of our own. */
export interface Source {
  /** 1 to 65535. */
  readonly index: number;
  /** Of the peer or the set. */
  readonly name: string;
  readonly from: LearnedFrom;
  /** As a number: the decision compares it. */
  readonly routerId: number;
  /** Orders as addresses do: IPv4 first. */
  readonly address: string;
}

export function peerSource(index: number, { name, kind, routerId, address }: RibPeer): Source {
  const zone = address.indexOf("%");
  const bytes = parseAddress(zone < 0 ? address : address.slice(0, zone)) ?? new Uint8Array(0);
  const hex = Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
  return {
    index,
    name,
    from: kind,
    routerId: identifier(routerId),
    address: `${bytes.length === 4 ? 4 : 6}${hex}`,
  };
}

export function localSource(index: number, name: string): Source {
  return { index, name, from: "local", routerId: 0, address: "" };
}

const MAX_SOURCES = 65535;

/** Indexes of sources, given out again when they mean nothing any more. */
export class SourceIndexes {
  readonly #free: number[] = [];
  #next = 1;
  readonly #onFree: (source: Source) => void;

  /** @param onFree - a source's index will mean another */
  constructor(onFree: (source: Source) => void) {
    this.#onFree = onFree;
  }

  take(): number {
    const index = this.#free.pop() ?? this.#next++;
    if (index > MAX_SOURCES) throw new RangeError(`more than ${MAX_SOURCES} peers and sets`);
    return index;
  }

  giveBack(source: Source): void {
    this.#free.push(source.index);
    this.#onFree(source);
  }
}
