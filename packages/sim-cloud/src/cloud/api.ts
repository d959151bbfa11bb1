import type { CloudCall, ThrottleBucket } from "@netloom/ipam-cloud";
import { Refusal, SimCloudError, type RefusalReason } from "./refusal.ts";
import type { SimCloud } from "./sim-cloud.ts";

/** What a vendor calls the reasons for which it refuses. */
export type Codes = Readonly<Record<RefusalReason, string>>;

export interface Page<Item> {
  readonly items: readonly Item[];
  readonly nextToken?: string;
}

export interface PageRequest {
  readonly maxResults?: number;
  readonly nextToken?: string;
}

/** An API in a vendor's shape: its actions, throttles and error codes. */
export abstract class Api {
  protected readonly sim: SimCloud;
  readonly #throttles: readonly ThrottleBucket[];
  readonly #codes: Codes;

  constructor(sim: SimCloud, throttles: readonly ThrottleBucket[], codes: Codes) {
    this.sim = sim;
    this.#throttles = throttles;
    this.#codes = codes;
  }

  /** What the cloud enforces. */
  get throttles(): readonly ThrottleBucket[] {
    return this.sim.options.throttles ?? this.#throttles;
  }

  protected async request<Answer>(
    action: string,
    subject: string | undefined,
    apply: () => Answer,
  ): Promise<Answer> {
    try {
      return await this.sim.request(action, subject, this.#throttles, apply);
    } catch (error) {
      throw error instanceof Refusal ? this.errorOf(error) : error;
    }
  }

  protected errorOf({ reason, subject, message }: Refusal): SimCloudError {
    return new SimCloudError(this.#codes[reason], subject, message);
  }

  /** Items are numbered as they are at the time of each page: what comes or goes meanwhile moves the others. */
  protected page<Item>(items: readonly Item[], { maxResults, nextToken }: PageRequest): Page<Item> {
    const first = Number(nextToken ?? 0);
    const end = first + (maxResults ?? this.sim.options.pageSize ?? 1000);
    return {
      items: items.slice(first, end),
      ...(end < items.length ? { nextToken: String(end) } : {}),
    };
  }
}

/** Every item of every page, once each, however they move meanwhile. */
export async function* everyPage<Item extends { readonly id: string }>(
  read: (page: PageRequest) => Promise<Page<Item>>,
): AsyncGenerator<Item> {
  const seen = new Set<string>();
  let request: PageRequest = {};
  for (;;) {
    const { items, nextToken } = await read(request);
    for (const item of items) {
      if (seen.has(item.id)) continue;
      seen.add(item.id);
      yield item;
    }
    if (nextToken === undefined) return;
    request = { nextToken };
  }
}

/** Lets a request be sent, or rejects. */
export async function admit(call: CloudCall, action: string): Promise<void> {
  call.signal.throwIfAborted();
  await call.admit(action);
  call.signal.throwIfAborted();
}
