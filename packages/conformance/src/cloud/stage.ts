import type { CloudNode, CloudProvider } from "@netloom/ipam-cloud";

/** What a pool, an interface, a node or the account can be short of. */
export type Shortage = "pool-addresses" | "pool-blocks" | "interface-slots" | "node-interfaces" | "quota";

/**
 * A provider, and the cloud around it. What the kit may do to that cloud is optional: against a real account there is little,
 * against a simulated one everything, and each check names what it needs.
 */
export interface CloudStage extends AsyncDisposable {
  /** One of a cluster of this name. A second of the same name is the first after a restart. */
  provider(cluster: string): CloudProvider;
  /** Two instances that run, in one zone and of a known type, marked as the cluster's `conformance`. */
  readonly nodes: readonly [CloudNode, CloudNode];
  /** Of which they can have addresses, with some hundred free ones. */
  readonly pool: string;
  /** Every request that reached the cloud, by the names of {@link CloudCall.admit}. */
  readonly requests?: () => readonly string[];
  /** The answer to the request after so many more is lost, although the request is done. */
  readonly loseAnswer?: (after: number) => void;
  /** The next request of this action is refused for there having been too many. */
  readonly throttle?: (action: string) => void;
  /** The account may do this no more; what {@link CloudFault.action} must name. */
  readonly deny?: (action: string) => string;
  /** The next operation that is polled for ends in failure, with an answer that says 200. */
  readonly failOperation?: () => void;
  /** Reads show nothing that happens from now on, until they do again. */
  readonly freeze?: () => void;
  readonly thaw?: () => void;
  /** Items per page from now on. */
  readonly pageSize?: (items: number) => void;
  /** Makes an interface that bears a cluster's mark or nobody's, attached to a node or to nothing. Resolves to its id. */
  readonly place?: (cluster: string | undefined, node: CloudNode | undefined) => Promise<string>;
  /** Takes from an attached interface that it goes with its instance. */
  readonly unflag?: (id: string) => Promise<void>;
  /** Sees to it that there is no more of this for `node`. */
  readonly exhaust?: (what: Shortage, node: CloudNode) => Promise<void>;
  readonly terminate?: (node: CloudNode) => Promise<void>;
  /** Another instance under the node's name. */
  readonly relaunch?: (node: CloudNode) => Promise<CloudNode>;
  /** Ids of all interfaces that there are, whosever. */
  readonly interfaces?: () => Promise<readonly string[]>;
  /** What must not be in any error or answer. */
  readonly secret?: string;
}
