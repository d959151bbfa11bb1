/** RFC 5952 text of a 128-bit address; dotted decimal for IPv4-mapped words. See `formatAddress`. */
export function formatWords(w0: number, w1: number, w2: number, w3: number): string {
  if (w0 === 0 && w1 === 0 && w2 === 0xffff) {
    return `${w3 >>> 24}.${(w3 >>> 16) & 255}.${(w3 >>> 8) & 255}.${w3 & 255}`;
  }
  const groups = [
    w0 >>> 16,
    w0 & 0xffff,
    w1 >>> 16,
    w1 & 0xffff,
    w2 >>> 16,
    w2 & 0xffff,
    w3 >>> 16,
    w3 & 0xffff,
  ];
  const { start, length } = longestZeroRun(groups);
  let text = "";
  for (let i = 0; i < 8; i++) {
    if (i === start) {
      text += "::";
      i += length - 1;
      continue;
    }
    if (i > 0 && i !== start + length) text += ":";
    text += groups[i]!.toString(16);
  }
  return text;
}

/** `start` is -1 when no run is worth shortening: RFC 5952 section 4.2.2 leaves a single zero group alone. */
function longestZeroRun(groups: readonly number[]): { start: number; length: number } {
  let start = -1;
  let length = 1;
  for (let i = 0; i < 8; i++) {
    let end = i;
    while (end < 8 && groups[end] === 0) end++;
    if (end - i > length) {
      start = i;
      length = end - i;
    }
    i = end;
  }
  return { start, length };
}
