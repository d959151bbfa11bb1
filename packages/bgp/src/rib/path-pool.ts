import { grown } from "./growable.ts";

/** Paths of prefixes that may have several (RFC 7911): lists in arrays, no object for each. 0 is the end of a list. */
export class PathPool {
  #pathId = new Uint32Array(64);
  #value = new Int32Array(64);
  #next = new Int32Array(64);
  #limit = 1;
  #free = 0;

  pathIdOf(node: number): number {
    return this.#pathId[node]!;
  }

  valueOf(node: number): number {
    return this.#value[node]!;
  }

  setValue(node: number, value: number): void {
    this.#value[node] = value;
  }

  nextOf(node: number): number {
    return this.#next[node]!;
  }

  /** The node of a path identifier in the list at `head`; 0: it has none. */
  find(head: number, pathId: number): number {
    let node = head;
    while (node !== 0 && this.#pathId[node] !== pathId) node = this.#next[node]!;
    return node;
  }

  /** A new node before `head`. */
  add(head: number, pathId: number, value: number): number {
    let node = this.#free;
    if (node === 0) {
      node = this.#limit++;
      this.#pathId = grown(this.#pathId, node);
      this.#value = grown(this.#value, node);
      this.#next = grown(this.#next, node);
    } else this.#free = this.#next[node]!;
    this.#pathId[node] = pathId;
    this.#value[node] = value;
    this.#next[node] = head;
    return node;
  }

  /** Takes a node out of the list at `head`; returns the head that the list has then. */
  remove(head: number, node: number): number {
    const next = this.#next[node]!;
    this.#next[node] = this.#free;
    this.#free = node;
    if (head === node) return next;
    let before = head;
    while (this.#next[before] !== node) before = this.#next[before]!;
    this.#next[before] = next;
    return head;
  }
}
