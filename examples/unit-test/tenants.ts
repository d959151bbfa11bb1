import type { NetworkPolicy, PolicyPeer, Service } from "@netloom/core";

/** A customer of this application. Its pods bear the label `tenant=<name>`. */
export interface Tenant {
  readonly name: string;
  /** Other tenants whose pods may come in, until then: milliseconds since 1970. */
  readonly guests?: readonly { readonly tenant: string; readonly until: number }[];
}

const PREFIX = "tenants/";
const anyTenant = { matchExpressions: [{ key: "tenant", operator: "Exists" }] } as const;

/** What all tenants share: one address for the pods `app=registry`, and the only port of them that is open. */
export const registry: Service = {
  name: "shared/registry",
  addresses: ["10.96.0.10"],
  ports: [{ protocol: "TCP", port: 80, targetPort: 8080 }],
  backends: { selector: { matchLabels: { app: "registry" } } },
};

/** Every policy that should be there now, and no other of ours: {@link isOurs}. */
export function policiesOf(tenants: readonly Tenant[], now: number): readonly NetworkPolicy[] {
  return [
    {
      name: `${PREFIX}registry`,
      subject: { matchLabels: { app: "registry" } },
      ingress: [{ peers: [{ selector: anyTenant }], ports: [{ protocol: "TCP", port: 8080 }] }],
    },
    // A pod of a tenant that is not known yet, or not any more, is closed.
    { name: `${PREFIX}closed`, subject: anyTenant, ingress: [] },
    ...tenants.map(({ name, guests = [] }) => {
      const invited = guests.filter(({ until }) => until > now).map(({ tenant }) => tenant);
      const peers = [name, ...invited].map(podsOf);
      return {
        name: `${PREFIX}of-${name}`,
        subject: { matchLabels: { tenant: name } },
        ingress: [{ peers }],
      };
    }),
  ];
}

export function isOurs({ name }: NetworkPolicy): boolean {
  return name.startsWith(PREFIX);
}

function podsOf(tenant: string): PolicyPeer {
  return { selector: { matchLabels: { tenant } } };
}
