/**
 * Where facts live in the store. Everything an agent must know to forward packets is under `state/`, so that one
 * watch gives it all in one order; what only some need is beside it.
 */
export class Keys {
  /** Ends in `/`. */
  readonly root: string;

  /** @param cluster - several clusters may share a store. */
  constructor(cluster = "default") {
    this.root = `netloom/${cluster}/v1/`;
  }

  get state(): string {
    return `${this.root}state/`;
  }

  get nodes(): string {
    return `${this.state}nodes/`;
  }

  node(name: string): string {
    return `${this.nodes}${name}`;
  }

  /** @param owner - one life of an endpoint. */
  endpoint(node: string, owner: string): string {
    return `${this.state}endpoints/${node}/${owner}`;
  }

  /** @param node - of every node where it is left out. */
  endpointsOf(node?: string): string {
    return node === undefined ? `${this.state}endpoints/` : `${this.state}endpoints/${node}/`;
  }

  /** @param key - of an endpoint. */
  nodeOfEndpoint(key: string): string {
    const rest = key.slice(this.endpointsOf().length);
    return rest.slice(0, rest.indexOf("/"));
  }

  identity(id: number): string {
    return `${this.identities}${id}`;
  }

  get identities(): string {
    return `${this.state}identities/`;
  }

  policy(name: string): string {
    return `${this.state}policies/${name}`;
  }

  service(name: string): string {
    return `${this.state}services/${name}`;
  }

  /** One per label set: which number it has. Unique because it is created only if absent. */
  identityLabels(labels: string): string {
    return `${this.root}identity-labels/${labels}`;
  }

  /** One per number and node that uses it. */
  identityReference(id: number, node: string): string {
    return `${this.identityReferences(id)}${node}`;
  }

  identityReferences(id?: number): string {
    return id === undefined ? `${this.root}identity-references/` : `${this.root}identity-references/${id}/`;
  }

  /** How far each node's datapath has got. */
  acknowledgement(node: string): string {
    return `${this.acknowledgements}${node}`;
  }

  get acknowledgements(): string {
    return `${this.root}acknowledgements/`;
  }

  /** A fact that says nothing: it is written to see when everyone has got there. */
  get barrier(): string {
    return `${this.state}barrier`;
  }

  /** A backend's own part. */
  backend(name: string): string {
    return `${this.root}backends/${name}/`;
  }
}
