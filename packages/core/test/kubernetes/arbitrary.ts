import * as fc from "fast-check";
import type {
  KubernetesLabelSelector,
  KubernetesNetworkPolicy,
  KubernetesPolicyPeer,
  KubernetesPolicyPort,
} from "@netloom/core/kubernetes";
import type { ReferenceEnd } from "./reference.ts";

const NAMESPACES = [
  { name: "x", labels: { team: "a", "kubernetes.io/metadata.name": "x" } },
  { name: "y", labels: { team: "b", "kubernetes.io/metadata.name": "y" } },
  { name: "z", labels: {} },
] as const satisfies readonly ReferenceEnd["namespace"][];

const key = fc.constantFrom("pod", "team", "app.kubernetes.io/name");
const value = fc.constantFrom("", "a", "b");

const expression = fc.oneof(
  fc.record({
    key,
    operator: fc.constantFrom("In" as const, "NotIn" as const),
    values: fc.array(value, { minLength: 1, maxLength: 2 }),
  }),
  fc.record({ key, operator: fc.constantFrom("Exists" as const, "DoesNotExist" as const) }),
);

const podSelector: fc.Arbitrary<KubernetesLabelSelector> = fc.record(
  {
    matchLabels: fc.dictionary(key, value, { maxKeys: 1 }),
    matchExpressions: fc.array(expression, { maxLength: 1 }),
  },
  { requiredKeys: [] },
);

const namespaceSelector: fc.Arbitrary<KubernetesLabelSelector> = fc.oneof(
  podSelector,
  fc
    .constantFrom("x", "y")
    .map((name): KubernetesLabelSelector => ({ matchLabels: { "kubernetes.io/metadata.name": name } })),
);

type Block = NonNullable<KubernetesPolicyPeer["ipBlock"]>;

/** Blocks that hold all pods of a family or none. */
export const WIDE: readonly Block[] = [
  { cidr: "0.0.0.0/0" },
  { cidr: "::/0" },
  { cidr: "0.0.0.0/0", except: ["192.168.0.0/16"] },
  { cidr: "0.0.0.0/0", except: ["203.0.113.128/25", "10.0.0.0/8"] },
  { cidr: "203.0.113.0/24" },
  { cidr: "2001:db8::/32", except: ["2001:db8:1::/48"] },
];

const NARROW: readonly Block[] = [
  { cidr: "192.168.1.77/24" },
  { cidr: "192.168.1.0/24", except: ["192.168.1.2/31", "192.168.1.200/29"] },
  { cidr: "192.168.1.3/32" },
  { cidr: "0.0.0.0/0", except: ["192.168.1.0/30"] },
  { cidr: "fd00::/64", except: ["fd00::2/127"] },
  { cidr: "fd00::1/128" },
];

function peer(blocks: readonly Block[]): fc.Arbitrary<KubernetesPolicyPeer> {
  return fc.oneof(
    fc.record({ podSelector }),
    fc.record({ namespaceSelector }),
    fc.record({ podSelector, namespaceSelector }),
    fc.record({ ipBlock: fc.constantFrom(...blocks) }),
  );
}

const protocol = fc.constantFrom("TCP" as const, "UDP" as const, "SCTP" as const);
const number = fc.constantFrom(53, 79, 80, 443, 8080);

const port: fc.Arbitrary<KubernetesPolicyPort> = fc.oneof(
  fc.record({ protocol, port: number }, { requiredKeys: ["port"] }),
  fc.record({ protocol, port: fc.constantFrom("http", "dns", "none") }, { requiredKeys: ["port"] }),
  fc
    .record({ protocol, ends: fc.tuple(number, number) }, { requiredKeys: ["ends"] })
    .map(({ ends, ...rest }) => ({ ...rest, port: Math.min(...ends), endPort: Math.max(...ends) })),
  fc.record({ protocol }, { requiredKeys: [] }),
);

/** Now and then more than a rule of Netloom takes. */
const ports = fc.oneof(
  { weight: 20, arbitrary: fc.array(port, { maxLength: 3 }) },
  {
    weight: 1,
    arbitrary: port.map((one) => [
      ...Array.from({ length: 85 }, (_, index) => ({ port: 10_000 + index })),
      one,
    ]),
  },
);

export function networkPolicy(
  blocks: readonly Block[] = [...WIDE, ...NARROW],
): fc.Arbitrary<KubernetesNetworkPolicy> {
  const peers = fc.array(peer(blocks), { maxLength: 3 });
  const from = fc.record({ from: peers, ports }, { requiredKeys: [] });
  const to = fc.record({ to: peers, ports }, { requiredKeys: [] });
  return fc.record({
    apiVersion: fc.constant("networking.k8s.io/v1"),
    kind: fc.constant("NetworkPolicy"),
    metadata: fc.record({ name: fc.constantFrom("p", "q", "r"), namespace: fc.constantFrom("x", "y") }),
    spec: fc.record(
      {
        podSelector,
        policyTypes: fc.subarray(["Ingress" as const, "Egress" as const]),
        ingress: fc.array(from, { maxLength: 2 }),
        egress: fc.array(to, { maxLength: 2 }),
      },
      { requiredKeys: [] },
    ),
  });
}

/** At most one of a name. */
export function networkPolicies(blocks?: readonly Block[]): fc.Arbitrary<readonly KubernetesNetworkPolicy[]> {
  return fc.uniqueArray(networkPolicy(blocks), {
    maxLength: 4,
    selector: ({ metadata }) => `${metadata.namespace}/${metadata.name}`,
  });
}

/** Each has its number for a name, or none. */
const podPorts = fc.constantFrom<ReferenceEnd["ports"]>(
  [],
  [{ name: "http", containerPort: 80, protocol: "TCP" }],
  [
    { name: "http", containerPort: 8080, protocol: "TCP" },
    { name: "dns", containerPort: 53, protocol: "UDP" },
  ],
);

const pod = fc.record({
  namespace: fc.constantFrom(...NAMESPACES),
  labels: fc.dictionary(key, value, { maxKeys: 2 }),
  ports: podPorts,
  family: fc.constantFrom(4 as const, 6 as const),
});

/** Pods of one family each. Their addresses go from 192.168.1.1 and fd00::1 on. */
export const pods: fc.Arbitrary<readonly ReferenceEnd[]> = fc
  .array(pod, { minLength: 2, maxLength: 5 })
  .map((drawn) =>
    drawn.map(({ family, ...rest }, index) => ({
      ...rest,
      address: family === 4 ? `192.168.1.${index + 1}` : `fd00::${index + 1}`,
    })),
  );

/** Nobody's addresses, inside and outside of the blocks above. */
export const OUTSIDE: readonly ReferenceEnd[] = [
  "192.168.1.201",
  "192.168.7.7",
  "203.0.113.9",
  "203.0.113.200",
  "10.1.2.3",
  "2001:db8::9",
  "2001:db8:1::9",
].map((address) => ({ address, labels: {}, ports: [] }));
