import { NetloomError } from "../errors.ts";

/**
 * One fact about a workload: who says so (`source`), what (`key`), and its value. As text `source:key=value`; an
 * empty value is written without `=`, as in `reserved:host`.
 *
 * Sources are open: `k8s` (pod and namespace labels), `container` (the runtime's), `node`, `cidr`, `cidrgroup`,
 * `fqdn`, `reserved` (host, world…), `cni`, `gen` and `unspec` (nobody said) mean what they mean in Cilium; `port` is
 * a name for a port. `any` is not a source: in a selector it stands for all of them.
 */
export interface Label {
  readonly source: string;
  readonly key: string;
  /** May be empty. */
  readonly value: string;
}

/** The source of labels whose text names none. */
export const UNSPECIFIED_SOURCE = "unspec";
/** In a selector: whatever the source. */
export const ANY_SOURCE = "any";

const SOURCE = /^[a-z0-9](?:[a-z0-9-]*[a-z0-9])?$/;
const KEY = /^(?:\*\.)?[A-Za-z0-9](?:[A-Za-z0-9._/-]*[A-Za-z0-9])?$/;
const VALUE = /^(?:[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?)?$/;
const SOURCE_LENGTH = 63;
/** Kubernetes' 253 + "/" + 63, and room for the prefixes that tools put in front. */
const KEY_LENGTH = 512;
/** Kubernetes allows labels 63; labels made from its names (service accounts) may be as long as names. */
const VALUE_LENGTH = 253;

/**
 * Reads `source:key=value`. Without a source it is `unspec`; without `=` the value is empty.
 *
 * @throws {@link NetloomError} `ERR_LABEL_INVALID`; see {@link checkLabel} for what is allowed.
 */
export function parseLabel(text: string): Label {
  if (typeof text !== "string")
    throw invalid(String(text), "it is not a string", "pass text such as k8s:app=web");
  const equals = text.indexOf("=");
  const name = equals < 0 ? text : text.slice(0, equals);
  const { source = UNSPECIFIED_SOURCE, key } = splitSource(name);
  return checkLabel({ source, key, value: equals < 0 ? "" : text.slice(equals + 1) });
}

/** The inverse of {@link parseLabel}, always with its source. */
export function formatLabel(label: Label): string {
  const { source, key, value } = label;
  return value === "" ? `${source}:${key}` : `${source}:${key}=${value}`;
}

/**
 * Returns `label` when it is well formed. The rules are close to those of Kubernetes, so that any label of a pod
 * passes and text forms can be taken apart again:
 *
 * - source: up to 63 of `a-z 0-9 -`, and not `any`;
 * - key: up to 512 of `A-Z a-z 0-9 . _ - /`, with a letter or digit at both ends; `*.` may come first (`fqdn`);
 * - value: empty, or up to 253 of `A-Z a-z 0-9 . _ -` with a letter or digit at both ends.
 *
 * @throws {@link NetloomError} `ERR_LABEL_INVALID` naming the part.
 */
export function checkLabel(label: Label): Label {
  const { source, key, value } = label;
  if (!isSource(source)) {
    throw invalid(
      formatLabel(label),
      `source ${show(source)} is malformed`,
      "use lower-case letters and digits, e.g. k8s",
    );
  }
  if (source === ANY_SOURCE) {
    throw invalid(
      formatLabel(label),
      "any is not a source",
      "name who set the label; any belongs in selectors",
    );
  }
  if (!isLabelKey(key)) {
    throw invalid(
      formatLabel(label),
      `key ${show(key)} is malformed`,
      `use up to ${KEY_LENGTH} letters, digits and ._-/`,
    );
  }
  if (!isLabelValue(value)) {
    const remedy = `use up to ${VALUE_LENGTH} letters, digits and ._-, with a letter or digit at both ends, or nothing`;
    throw invalid(formatLabel(label), `value ${show(value)} is malformed`, remedy);
  }
  return label;
}

/** `k8s:app` is source `k8s` and key `app`; `app` has no source. */
export function splitSource(name: string): { source: string | undefined; key: string } {
  const colon = name.indexOf(":");
  return colon < 0
    ? { source: undefined, key: name }
    : { source: name.slice(0, colon), key: name.slice(colon + 1) };
}

export function isSource(source: unknown): source is string {
  return typeof source === "string" && source.length <= SOURCE_LENGTH && SOURCE.test(source);
}

export function isLabelKey(key: unknown): key is string {
  return typeof key === "string" && key.length <= KEY_LENGTH && KEY.test(key);
}

export function isLabelValue(value: unknown): value is string {
  return typeof value === "string" && value.length <= VALUE_LENGTH && VALUE.test(value);
}

/** By key, then by source: the order within a label set. Plain code units, hence the same on every machine. */
export function compareLabels(a: Label, b: Label): number {
  if (a.key !== b.key) return a.key < b.key ? -1 : 1;
  if (a.source !== b.source) return a.source < b.source ? -1 : 1;
  return a.value === b.value ? 0 : a.value < b.value ? -1 : 1;
}

function show(part: unknown): string {
  return typeof part === "string" ? JSON.stringify(part) : String(part);
}

function invalid(input: string, what: string, remedy: string): NetloomError {
  return new NetloomError("ERR_LABEL_INVALID", `label ${show(input)}: ${what}`, { input, remedy });
}
