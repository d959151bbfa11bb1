/**
 * Where core keeps the facts that the invariants read. The simulator looks at the store as a person with a browser
 * would: it trusts no agent's view.
 */
const ROOT = "netloom/default/v1/";

export const KEYS = {
  root: ROOT,
  state: `${ROOT}state/`,
  nodes: `${ROOT}state/nodes/`,
  endpoints: `${ROOT}state/endpoints/`,
  identities: `${ROOT}state/identities/`,
  policies: `${ROOT}state/policies/`,
  services: `${ROOT}state/services/`,
  identityLabels: `${ROOT}identity-labels/`,
  identityReferences: `${ROOT}identity-references/`,
  acknowledgements: `${ROOT}acknowledgements/`,
} as const;
