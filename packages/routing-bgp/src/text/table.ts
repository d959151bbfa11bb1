/** Columns as wide as they need be, two spaces apart. Numbers stand to the right. */
export function table(header: readonly string[], rows: readonly (readonly (string | number)[])[]): string {
  const cells = [header, ...rows.map((row) => row.map((cell) => plain(String(cell))))];
  const widths = header.map((_, column) => Math.max(...cells.map((row) => row[column]?.length ?? 0)));
  const right = header.map(
    (_, column) => rows.length > 0 && rows.every((row) => typeof row[column] === "number"),
  );
  return cells
    .map((row) =>
      row
        .map((cell, column) =>
          right[column] === true ? cell.padStart(widths[column]!) : cell.padEnd(widths[column]!),
        )
        .join("  ")
        .trimEnd(),
    )
    .join("\n");
}

/** What a peer has sent may be anything: nothing of it moves the cursor, or ends a line. */
export function plain(text: string): string {
  return text.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, "\u{fffd}");
}

/** `2d03h`, `1h02m`, `3m04s`, `5s`. */
export function duration(milliseconds: number): string {
  const seconds = Math.max(0, Math.floor(milliseconds / 1000));
  const units: readonly (readonly [number, string])[] = [
    [86_400, "d"],
    [3600, "h"],
    [60, "m"],
    [1, "s"],
  ];
  const first = units.findIndex(([size]) => seconds >= size);
  const [size, unit] = units[first] ?? [1, "s"];
  const [smaller, smallerUnit] = units[first + 1] ?? [undefined, ""];
  const whole = `${Math.floor(seconds / size)}${unit}`;
  if (first < 0 || smaller === undefined) return whole;
  return `${whole}${String(Math.floor((seconds % size) / smaller)).padStart(2, "0")}${smallerUnit}`;
}
