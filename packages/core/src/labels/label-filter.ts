import { NetloomError } from "../errors.ts";
import { ANY_SOURCE, type Label, isSource, splitSource } from "./label.ts";

/**
 * What every cluster leaves out of identities: keys that differ from pod to pod or from rollout to rollout, which
 * would give each pod an identity of its own; with the exceptions that policies are written about. In the spirit
 * of Cilium's list.
 */
export const DEFAULT_LABEL_PATTERNS: readonly string[] = [
  "io.kubernetes.pod.namespace",
  "io.cilium.k8s.namespace.labels",
  "io.cilium.k8s.policy.cluster",
  "io.cilium.k8s.policy.serviceaccount",
  "app.kubernetes.io",
  "!io.kubernetes",
  "!kubernetes.io",
  "!k8s.io",
  "!beta.kubernetes.io",
  "!failure-domain.beta.kubernetes.io",
  "!statefulset.kubernetes.io/pod-name",
  "!apps.kubernetes.io/pod-index",
  "!batch.kubernetes.io/job-completion-index",
  "!batch.kubernetes.io/controller-uid",
  "!controller-uid",
  "!controller-revision-hash",
  "!pod-template-generation",
  "!pod-template-hash",
  "!annotation.",
  "!etcd_node",
];

const ALWAYS: ReadonlySet<string> = new Set(["reserved", "cidr", "port"]);

interface Pattern {
  readonly exclude: boolean;
  readonly source: string | undefined;
  readonly prefix: string;
}

export interface LabelFilterOptions {
  /** Begin with {@link DEFAULT_LABEL_PATTERNS}. @defaultValue true */
  readonly defaults?: boolean;
}

/**
 * Decides which labels make an identity. A pattern is the beginning of a key, `app` or `k8s:app` for one source;
 * with `!` before the key (`!app`, `k8s:!app`) it leaves labels out. The longest pattern that fits a label decides;
 * of equally long ones yours before a default one, then the excluding one: their order does not matter. A label that none fits is kept
 * as long as you name only exclusions: **a single inclusive pattern of yours turns the list into a whitelist.**
 * Labels of the sources `reserved`, `cidr` and `port` are always kept: somebody put them there for policies to see.
 *
 * Changing the filter changes identities: every node must use the same one.
 */
export class LabelFilter {
  readonly #patterns: readonly Pattern[];
  readonly #whitelist: boolean;

  /**
   * @param patterns yours, added to the default ones
   * @throws {@link NetloomError} `ERR_OPTIONS_INVALID` for a pattern that is not a plain prefix.
   */
  constructor(patterns: readonly string[] = [], options: LabelFilterOptions = {}) {
    const own = patterns.map(parsePattern);
    const defaults = (options.defaults ?? true) ? DEFAULT_LABEL_PATTERNS.map(parsePattern) : [];
    this.#patterns = [...exclusionsFirst(own), ...exclusionsFirst(defaults)];
    this.#whitelist = own.some((pattern) => !pattern.exclude);
  }

  keeps(label: Label): boolean {
    if (ALWAYS.has(label.source)) return true;
    let longest = -1;
    let keep = !this.#whitelist;
    for (const { exclude, source, prefix } of this.#patterns) {
      if (prefix.length <= longest) continue;
      if (source !== undefined && source !== label.source) continue;
      if (!label.key.startsWith(prefix)) continue;
      longest = prefix.length;
      keep = !exclude;
    }
    return keep;
  }

  /** The labels that make the identity, in their order. */
  select(labels: Iterable<Label>): Label[] {
    return [...labels].filter((label) => this.keeps(label));
  }
}

function exclusionsFirst(patterns: readonly Pattern[]): Pattern[] {
  return patterns.toSorted((a, b) => Number(b.exclude) - Number(a.exclude));
}

function parsePattern(text: string): Pattern {
  const { source, key } = splitSource(typeof text === "string" ? text : "");
  const exclude = key.startsWith("!");
  const prefix = exclude ? key.slice(1) : key;
  if ((source !== undefined && !isSource(source)) || !/^[A-Za-z0-9._/-]+$/.test(prefix)) {
    throw new NetloomError("ERR_OPTIONS_INVALID", `${JSON.stringify(text)} is not a label pattern`, {
      input: text,
      remedy: "write the plain beginning of a key, e.g. app.kubernetes.io, k8s:app or !pod-template-hash",
    });
  }
  return { exclude, source: source === ANY_SOURCE ? undefined : source, prefix };
}
