/** RFC 9234: what a speaker is to its peer. `rs` is a route server. */
export type Role = "provider" | "rs" | "rs-client" | "customer" | "peer";

/** In the order of their numbers on the wire. */
export const ROLES: readonly Role[] = ["provider", "rs", "rs-client", "customer", "peer"];

/** What the other side of each must be: RFC 9234 section 4.2. */
export const COUNTERPART: Readonly<Record<Role, Role>> = {
  provider: "customer",
  customer: "provider",
  rs: "rs-client",
  "rs-client": "rs",
  peer: "peer",
};
