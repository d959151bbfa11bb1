/** Parameters of the Query protocol: `InstanceId.1`, `Filter.2.Value.1`. */
export class Form {
  readonly #parameters: URLSearchParams;

  constructor(body: string) {
    this.#parameters = new URLSearchParams(body);
  }

  text(name: string): string | undefined {
    return this.#parameters.get(name) ?? undefined;
  }

  required(name: string): string {
    const value = this.text(name);
    if (value === undefined) throw new MissingParameterError(name);
    return value;
  }

  number(name: string): number | undefined {
    const value = this.text(name);
    return value === undefined ? undefined : Number(value);
  }

  /** `name.1`, `name.2` and so on. */
  list(name: string): readonly string[] {
    const values: string[] = [];
    for (
      let value = this.text(`${name}.1`);
      value !== undefined;
      value = this.text(`${name}.${values.length + 1}`)
    )
      values.push(value);
    return values;
  }

  /** Values by name of `Filter.1.Name`, `Filter.1.Value.1` and so on. */
  filters(): ReadonlyMap<string, readonly string[]> {
    const filters = new Map<string, readonly string[]>();
    for (let number = 1; ; number++) {
      const name = this.text(`Filter.${number}.Name`);
      if (name === undefined) return filters;
      const values = this.list(`Filter.${number}.Value`);
      // There are no patterns here, but what would be one is escaped.
      filters.set(
        name,
        values.map((value) => value.replaceAll(/\\(.)/g, "$1")),
      );
    }
  }

  /** Of every `TagSpecification`. */
  tags(): Readonly<Record<string, string>> {
    const tags: Record<string, string> = {};
    for (const [name, key] of this.#parameters) {
      if (!/^TagSpecification\.\d+\.Tag\.\d+\.Key$/.test(name)) continue;
      tags[key] = this.text(name.replace(/Key$/, "Value")) ?? "";
    }
    return tags;
  }
}

export class MissingParameterError extends Error {
  override readonly name = "MissingParameterError";

  constructor(name: string) {
    super(`The request must contain the parameter ${name}`);
  }
}
