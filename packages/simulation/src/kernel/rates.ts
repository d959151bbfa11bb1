/** How often things go wrong, and how long they take. */
export interface FaultRates {
  /** A call of the store or the datapath fails, and nothing has happened. */
  readonly before: number;
  /** A write happens, and its answer is lost. */
  readonly after: number;
  /** Milliseconds that a message takes, at least and at most. */
  readonly latency: readonly [least: number, most: number];
  /** A message that takes up to fifty times as long. */
  readonly tail: number;
  /** A batch of changes that reaches its watcher up to two seconds late. */
  readonly lag: number;
  /** A batch that is the last of its watch: the connection is lost after it. */
  readonly disconnect: number;
  /** How far clocks drift: 0.1 is a tenth faster or slower at most. */
  readonly drift: number;
}

export const FAULTY: FaultRates = {
  before: 0.02,
  after: 0.02,
  latency: [1, 12],
  tail: 0.01,
  lag: 0.05,
  disconnect: 0.01,
  drift: 0.1,
};

export const PEACEFUL: FaultRates = {
  before: 0,
  after: 0,
  latency: [1, 12],
  tail: 0,
  lag: 0,
  disconnect: 0,
  drift: 0,
};
