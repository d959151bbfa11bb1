import { describe, expect, it } from "vitest";
import { podLabels, type KubernetesPod } from "@netloom/core/kubernetes";

const namespace = {
  metadata: { name: "shop", labels: { team: "a", "kubernetes.io/metadata.name": "shop" } },
};
const web: KubernetesPod = { metadata: { namespace: "shop", labels: { app: "web" } } };

describe("the labels of a pod's endpoint", () => {
  it("are the pod's, and its namespace's name and labels", () => {
    expect(podLabels(web, namespace)).toEqual([
      "k8s:app=web",
      "k8s:io.kubernetes.pod.namespace=shop",
      "k8s:io.cilium.k8s.namespace.labels.team=a",
      "k8s:io.cilium.k8s.namespace.labels.kubernetes.io/metadata.name=shop",
    ]);
  });

  it("say what its ports are called, the first container first", () => {
    const spec = {
      initContainers: [
        { ports: [{ name: "setup", containerPort: 1 }] },
        { restartPolicy: "Always", ports: [{ name: "proxy", containerPort: 15_001 }] },
      ],
      containers: [
        { ports: null },
        {
          ports: [
            { name: "http", containerPort: 8080 },
            { containerPort: 9 },
            { name: "dns", containerPort: 53, protocol: "UDP" },
            { name: "http", containerPort: 8443, protocol: "SCTP" },
          ],
        },
        { ports: [{ name: "http", containerPort: 1, protocol: "TCP" }] },
      ],
    };
    expect(podLabels({ ...web, spec }, namespace).filter((label) => label.startsWith("port:"))).toEqual([
      "port:tcp/http=8080",
      "port:udp/dns=53",
      "port:sctp/http=8443",
      "port:tcp/proxy=15001",
    ]);
  });

  it("say where it is, as narrowly as one likes", () => {
    const prefixes = ["10.244.0.0/16", "fd00::7"];
    expect(podLabels(web, namespace, { prefixes }).slice(-2)).toEqual([
      "cidr:10.244.0.0/16",
      "cidr:fd00--7/128",
    ]);
    expect(() => podLabels(web, namespace, { prefixes: ["10.0.0.1/8"] })).toThrow(
      expect.objectContaining({ code: "ERR_CIDR_INVALID" }),
    );
  });

  it.each(["io.kubernetes.pod.namespace", "io.cilium.k8s.namespace.labels.team"])(
    "cannot be had by a pod that claims %s for its own",
    (key) => {
      const pod = { metadata: { namespace: "shop", labels: { [key]: "other" } } };
      expect(() => podLabels(pod, namespace)).toThrow(
        expect.objectContaining({ code: "ERR_LABEL_INVALID", input: `k8s:${key}=other` }),
      );
    },
  );

  it("are refused where one is malformed", () => {
    const pod = { metadata: { namespace: "shop", labels: { app: "a b" } } };
    expect(() => podLabels(pod, namespace)).toThrow(expect.objectContaining({ code: "ERR_LABEL_INVALID" }));
  });

  it("are not made from another namespace, or from none", () => {
    expect(() => podLabels(web, { metadata: { name: "other" } })).toThrow(TypeError);
    expect(() => podLabels({}, {})).toThrow(TypeError);
  });
});
