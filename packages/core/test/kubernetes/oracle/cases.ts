import { readFileSync } from "node:fs";
import { gunzipSync } from "node:zlib";
import {
  podLabels,
  type KubernetesNamespace,
  type KubernetesNetworkPolicy,
  type KubernetesPod,
} from "@netloom/core/kubernetes";

/** A case: each step changes something and asks every pair of pods again. */
export interface OracleCase {
  readonly number: number;
  readonly description: string;
  readonly tags: readonly string[];
  readonly steps: readonly OracleStep[];
}

/** All there is after a step, not only what it changed. */
export interface OracleStep {
  readonly policies: readonly KubernetesNetworkPolicy[];
  readonly pods: readonly OraclePod[];
  readonly probes: readonly OracleProbe[];
}

export interface OraclePod {
  /** `namespace/name`. */
  readonly name: string;
  readonly address: string;
  /** Of its endpoint, its address among them. */
  readonly labels: readonly string[];
}

/** One packet from one pod to another, and what the oracle says. */
export interface OracleProbe {
  readonly from: OraclePod;
  readonly to: OraclePod;
  readonly protocol: "TCP" | "UDP" | "SCTP";
  readonly port: number;
  /** Do the policies of `from` let it out? */
  readonly egress: boolean;
  /** Do the policies of `to` let it in? */
  readonly ingress: boolean;
}

interface Recorded {
  readonly podPorts: readonly { readonly name: string; readonly port: number; readonly protocol: string }[];
  readonly cases: readonly (Omit<OracleCase, "number" | "steps"> & {
    readonly n: number;
    readonly steps: readonly RecordedStep[];
  })[];
}

interface RecordedStep {
  /** By name: labels. */
  readonly namespaces: Readonly<Record<string, Readonly<Record<string, string>>>>;
  readonly pods: readonly {
    readonly ns: string;
    readonly name: string;
    readonly labels: Readonly<Record<string, string>>;
    readonly ip: string;
  }[];
  readonly policies: readonly KubernetesNetworkPolicy[];
  /** Names of pods: what rows and columns are. */
  readonly order: readonly string[];
  /** By `TCP/80`: a row for each source, a letter for each destination. */
  readonly expected: Readonly<Record<string, readonly string[]>>;
}

/** Letters of verdicts: does egress allow it, and ingress? */
const VERDICTS: Readonly<Record<string, Pick<OracleProbe, "egress" | "ingress">>> = {
  A: { egress: true, ingress: true },
  I: { egress: true, ingress: false },
  E: { egress: false, ingress: true },
  X: { egress: false, ingress: false },
};

/** Every case, read anew. */
export function oracleCases(): readonly OracleCase[] {
  const file = readFileSync(new URL("netpol-cases.json.gz", import.meta.url));
  const { cases, podPorts } = JSON.parse(gunzipSync(file).toString("utf8")) as Recorded;
  const ports = podPorts.map(({ name, port, protocol }) => ({ name, containerPort: port, protocol }));
  return cases.map(({ n, description, tags, steps }) => ({
    number: n,
    description,
    tags,
    steps: steps.map((step) => readStep(step, { containers: [{ ports }] })),
  }));
}

function readStep(step: RecordedStep, spec: NonNullable<KubernetesPod["spec"]>): OracleStep {
  const pods = new Map<string, OraclePod>();
  for (const { ns, name, labels, ip } of step.pods) {
    const namespace: KubernetesNamespace = { metadata: { name: ns, labels: step.namespaces[ns]! } };
    const pod: KubernetesPod = { metadata: { namespace: ns, labels }, spec };
    pods.set(`${ns}/${name}`, {
      name: `${ns}/${name}`,
      address: ip,
      labels: podLabels(pod, namespace, { prefixes: [ip] }),
    });
  }
  return { policies: step.policies, pods: [...pods.values()], probes: readProbes(step, pods) };
}

function readProbes(
  { order, expected }: RecordedStep,
  pods: ReadonlyMap<string, OraclePod>,
): readonly OracleProbe[] {
  const probes: OracleProbe[] = [];
  for (const [what, rows] of Object.entries(expected)) {
    const [protocol, port] = what.split("/") as [OracleProbe["protocol"], string];
    for (const [row, letters] of rows.entries()) {
      for (let column = 0; column < letters.length; column++) {
        const verdict = VERDICTS[letters[column]!];
        if (verdict === undefined) throw new Error(`${letters[column]} is no verdict`);
        const [from, to] = [pods.get(order[row]!)!, pods.get(order[column]!)!];
        probes.push({ from, to, protocol, port: Number(port), ...verdict });
      }
    }
  }
  return probes;
}
