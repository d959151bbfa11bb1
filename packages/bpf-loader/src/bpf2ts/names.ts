/** `ct_key` becomes `ctKey`. Names without underscores stay as they are. */
export function camelCase(name: string): string {
  return name.replace(/^_+/, "").replaceAll(/_+([A-Za-z0-9])/g, (_, letter: string) => letter.toUpperCase());
}

/** `ct_key` becomes `CtKey`. */
export function pascalCase(name: string): string {
  const camel = camelCase(name);
  return camel.charAt(0).toUpperCase() + camel.slice(1);
}

/** A property name, quoted if it has to be. */
export function property(name: string): string {
  return /^[A-Za-z_$][\w$]*$/.test(name) ? name : JSON.stringify(name);
}
