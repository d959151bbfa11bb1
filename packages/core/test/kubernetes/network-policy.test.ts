import { describe, expect, it } from "vitest";
import { isNetloomError, type NetloomError } from "@netloom/core";
import { translateNetworkPolicy, type KubernetesNetworkPolicy } from "@netloom/core/kubernetes";

const metadata = { name: "web", namespace: "default" };
const IN_DEFAULT = { "k8s:io.kubernetes.pod.namespace": "default" };
const IN_A_NAMESPACE = { key: "k8s:io.kubernetes.pod.namespace", operator: "Exists" };

/** Of a policy with this spec. */
function translated(spec: unknown): ReturnType<typeof translateNetworkPolicy> {
  return translateNetworkPolicy({ metadata, spec });
}

function ingressOf(rule: unknown): unknown {
  return translated({ ingress: [rule] }).ingress;
}

describe("a translated NetworkPolicy", () => {
  it("is named by its namespace and name, and selects pods of its namespace alone", () => {
    const policy = translated({
      podSelector: {
        matchLabels: { app: "web" },
        matchExpressions: [{ key: "app.kubernetes.io/name", operator: "NotIn", values: ["old"] }],
      },
    });
    expect(policy).toEqual({
      name: "default/web",
      subject: {
        matchLabels: { ...IN_DEFAULT, "k8s:app": "web" },
        matchExpressions: [{ key: "k8s:app.kubernetes.io/name", operator: "NotIn", values: ["old"] }],
      },
      ingress: [],
    });
  });

  it.each<[string, KubernetesNetworkPolicy["spec"], readonly string[]]>([
    ["nothing", {}, ["ingress"]],
    ["an empty list of types", { policyTypes: [] }, ["ingress"]],
    ["empty egress", { egress: [] }, ["ingress"]],
    ["egress", { egress: [{}] }, ["ingress", "egress"]],
    ["egress, by type alone", { policyTypes: ["Egress"], ingress: [{}] }, ["egress"]],
    ["both types and no rules", { policyTypes: ["Egress", "Ingress"] }, ["ingress", "egress"]],
    ["ingress, by type alone", { policyTypes: ["Ingress"], egress: [{}] }, ["ingress"]],
  ])("with %s concerns the directions that Kubernetes says", (_, spec, directions) => {
    const policy = translated(spec);
    expect(["ingress", "egress"].filter((direction) => direction in policy)).toEqual(directions);
  });

  it.each([[{}], [{ from: [], ports: [] }], [{ from: null, ports: null }]])(
    "lets anyone in at every port by the rule %j",
    (rule) => {
      expect(ingressOf(rule)).toEqual([{ description: "spec.ingress[0]" }]);
    },
  );

  it.each([
    ["pods of its namespace", { podSelector: {} }, { matchLabels: IN_DEFAULT }],
    ["every pod", { namespaceSelector: {} }, { matchExpressions: [IN_A_NAMESPACE] }],
    [
      "some pods of some namespaces",
      {
        namespaceSelector: {
          matchLabels: { team: "a" },
          matchExpressions: [{ key: "env", operator: "DoesNotExist", values: null }],
        },
        podSelector: { matchLabels: { app: "web" } },
      },
      {
        matchLabels: { "k8s:io.cilium.k8s.namespace.labels.team": "a", "k8s:app": "web" },
        matchExpressions: [
          IN_A_NAMESPACE,
          { key: "k8s:io.cilium.k8s.namespace.labels.env", operator: "DoesNotExist" },
        ],
      },
    ],
  ])("selects %s by their labels", (_, peer, selector) => {
    expect(ingressOf({ from: [peer] })).toMatchObject([{ peers: [{ selector }] }]);
  });

  it("means pods too by an address block, and takes any of its addresses for the first", () => {
    const ipBlock = { cidr: "10.1.2.3/8", except: ["10.9.9.9/16"] };
    expect(ingressOf({ from: [{ ipBlock }] })).toMatchObject([
      { peers: [{ cidr: "10.0.0.0/8", except: ["10.9.0.0/16"], endpoints: true }] },
    ]);
  });

  it("has ports by number, by range and by name, of TCP unless it says otherwise", () => {
    const ports = [
      {},
      { port: 80 },
      { protocol: "UDP", port: "dns" },
      { protocol: "SCTP", port: 1, endPort: 9 },
    ];
    expect(ingressOf({ ports })).toMatchObject([
      {
        ports: [
          { protocol: "TCP" },
          { protocol: "TCP", port: 80 },
          { protocol: "UDP", name: "dns" },
          { protocol: "SCTP", port: 1, endPort: 9 },
        ],
      },
    ]);
  });

  it("has several rules for more ports than a rule takes", () => {
    const ports = Array.from({ length: 81 }, (_, index) => ({ port: index + 1 }));
    const rules = translated({ ingress: [{ ports, from: [{ podSelector: {} }] }] }).ingress!;
    expect(rules.map((rule) => rule.ports?.length)).toEqual([40, 40, 1]);
    expect(new Set(rules.map((rule) => JSON.stringify(rule.peers))).size).toBe(1);
  });

  it("is the same as the API server and the client library of JavaScript give it", () => {
    const spec = { podSelector: {}, ingress: [{ from: [{ podSelector: {} }] }] };
    const served = {
      apiVersion: "networking.k8s.io/v1",
      kind: "NetworkPolicy",
      metadata: { ...metadata, uid: "1", creationTimestamp: null, labels: { a: "b" }, managedFields: [] },
      spec,
      status: {},
    };
    const library = {
      metadata: { ...metadata, creationTimestamp: new Date(0), namespace: "default", labels: undefined },
      spec: { ...spec, ingress: [{ _from: [{ podSelector: {} }], ports: undefined }], egress: undefined },
    };
    expect(translateNetworkPolicy(served)).toEqual(translated(spec));
    expect(translateNetworkPolicy(library)).toEqual(translated(spec));
  });

  it("may ask for labels that the agents were told to keep", () => {
    const policy = { metadata, spec: { podSelector: { matchLabels: { "kubernetes.io/arch": "arm64" } } } };
    expect(() => translateNetworkPolicy(policy)).toThrow("left out of identities");
    const identityLabels = ["kubernetes.io/arch"];
    expect(translateNetworkPolicy(policy, { identityLabels }).name).toBe("default/web");
    const namespaced = { ingress: [{ from: [{ namespaceSelector: { matchLabels: { team: "a" } } }] }] };
    expect(() =>
      translateNetworkPolicy(
        { metadata, spec: namespaced },
        { identityLabels: ["!io.cilium.k8s.namespace.labels"] },
      ),
    ).toThrow("left out of identities");
  });
});

const peer = (of: unknown): unknown => ({ metadata, spec: { ingress: [{ from: [of] }] } });
const port = (of: unknown): unknown => ({ metadata, spec: { egress: [{}, { ports: [of] }] } });
const POLICY = "policy default/web: ";

const bad: readonly (readonly [string, unknown, string])[] = [
  ["no object", null, "object null is no object"],
  ["an unknown field", { metadata, spec: {}, extra: 1 }, "object.extra"],
  ["another kind", { kind: "Pod", metadata }, 'kind "Pod" is no kind that can be translated'],
  ["another version", { apiVersion: "extensions/v1beta1", metadata }, "write one of networking.k8s.io/v1"],
  ["no metadata", { spec: {} }, "metadata is no object"],
  ["no namespace", { metadata: { name: "web" } }, "metadata.namespace is no namespace"],
  ["a namespace with a slash", { metadata: { name: "web", namespace: "a/b" } }, '"a/b" is no namespace'],
  ["no name", { metadata: { namespace: "a", name: "" } }, 'metadata.name "" is no name'],
  ["an unknown field of metadata", { metadata: { ...metadata, nmae: "" } }, "metadata.nmae"],
  ["an unknown field of spec", { metadata, spec: { podSelectors: {} } }, `${POLICY}spec.podSelectors`],
  ["rules that are no list", { metadata, spec: { ingress: {} } }, `${POLICY}spec.ingress {} is no list`],
  ["to in ingress", { metadata, spec: { ingress: [{ to: [] }] } }, `${POLICY}spec.ingress[0].to`],
  ["from in egress", { metadata, spec: { egress: [{ from: [] }] } }, `${POLICY}spec.egress[0].from`],
  ["peers twice", { metadata, spec: { ingress: [{ from: [], _from: [] }] } }, "has from and _from"],
  ["an unknown type", { metadata, spec: { policyTypes: ["ingress"] } }, 'policyTypes[0] "ingress"'],
  [
    "three types",
    { metadata, spec: { policyTypes: ["Ingress", "Egress", "Egress"] } },
    "more than there are",
  ],
  ["a peer that is nobody", peer({}), `${POLICY}spec.ingress[0].from[0] {} names no one`],
  ["a selector that is null", peer({ podSelector: null }), "names no one"],
  ["a selector and a block", peer({ podSelector: {}, ipBlock: { cidr: "10.0.0.0/8" } }), "at once"],
  ["an unknown field of a peer", peer({ serviceSelector: {} }), "from[0].serviceSelector"],
  ["no cidr", peer({ ipBlock: {} }), `${POLICY}spec.ingress[0].from[0].ipBlock.cidr is no CIDR`],
  ["a cidr without length", peer({ ipBlock: { cidr: "10.0.0.0" } }), "ipBlock.cidr"],
  ["a cidr that is too long", peer({ ipBlock: { cidr: "10.0.0.0/33" } }), "/33 is not a prefix length"],
  ["a cidr with leading zeros", peer({ ipBlock: { cidr: "010.0.0.0/8" } }), "ipBlock.cidr"],
  [
    "an except outside",
    peer({ ipBlock: { cidr: "10.0.0.0/8", except: ["10.1.0.0/16", "11.0.0.0/16"] } }),
    'ipBlock.except[1] "11.0.0.0/16" is not strictly inside 10.0.0.0/8',
  ],
  [
    "an except that is all",
    peer({ ipBlock: { cidr: "10.0.0.0/8", except: ["10.0.0.0/8"] } }),
    "not strictly inside",
  ],
  ["an unknown field of a selector", peer({ podSelector: { app: "web" } }), "podSelector.app"],
  ["a malformed key", peer({ podSelector: { matchLabels: { "a/b/c": "" } } }), '"a/b/c" is no label key'],
  ["a key with a source", peer({ podSelector: { matchLabels: { "reserved:host": "" } } }), "is no label key"],
  ["a malformed value", peer({ podSelector: { matchLabels: { a: "b c" } } }), '"b c" is not a label value'],
  ["a value that is no text", peer({ podSelector: { matchLabels: { a: true } } }), "is not a label value"],
  [
    "an unknown operator",
    peer({ namespaceSelector: { matchExpressions: [{ key: "a", operator: "Is" }] } }),
    `${POLICY}spec.ingress[0].from[0].namespaceSelector.matchExpressions[0].operator`,
  ],
  [
    "In of nothing",
    peer({ podSelector: { matchExpressions: [{ key: "a", operator: "In", values: [] }] } }),
    "matchExpressions[0].values",
  ],
  [
    "a namespace's key in a podSelector",
    peer({ podSelector: { matchExpressions: [{ key: "io.kubernetes.pod.namespace", operator: "Exists" }] } }),
    "matchExpressions[0].key",
  ],
  [
    "a key nobody keeps",
    peer({ podSelector: { matchLabels: { "pod-template-hash": "1" } } }),
    "left out of identities",
  ],
  ["an unknown protocol", port({ protocol: "ICMP" }), `${POLICY}spec.egress[1].ports[0].protocol "ICMP"`],
  ["port 0", port({ port: 0 }), "ports[0].port 0 is out of range"],
  ["a number as text", port({ port: "80" }), "write the number without quotes"],
  ["a name with capitals", port({ port: "HTTP" }), 'port "HTTP" is no name of a port'],
  ["a name too long", port({ port: "a-name-that-is-too-long" }), "no name of a port"],
  ["a port that is an object", port({ port: {} }), "ports[0].port {} is out of range"],
  ["a range without start", port({ endPort: 80 }), "endPort 80 has no number to start from"],
  ["a range from a name", port({ port: "http", endPort: 80 }), "endPort 80 has no number to start from"],
  ["a range backwards", port({ port: 90, endPort: 80 }), "endPort 80 is below port 90"],
  ["an unknown field of a port", port({ name: "http" }), "ports[0].name"],
];

describe("a NetworkPolicy that makes no sense", () => {
  it.each(bad)("is refused for %s, with the place and what to do", (_, input, expected) => {
    let thrown: unknown;
    try {
      translateNetworkPolicy(input);
    } catch (error) {
      thrown = error;
    }
    expect(isNetloomError(thrown, "ERR_POLICY_INVALID")).toBe(true);
    expect((thrown as NetloomError).message).toContain(expected);
  });

  it("is refused for what would have no effect, too", () => {
    const spec = { policyTypes: ["Ingress"], egress: [{ ports: [{ port: 0 }] }] };
    expect(() => translated(spec)).toThrow("spec.egress[0].ports[0].port");
  });
});
