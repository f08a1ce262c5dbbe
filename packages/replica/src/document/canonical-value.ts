/**
 * One text for each value that Yjs can store, so that equal values are equal text whatever the order of their keys.
 */
import { toHex } from "@yarrow/protocol";

/** For tagged values ("any"): JSON with sorted keys, and beyond it undefined, bigint, bytes, NaN and the infinities. */
export function canonicalText(value: unknown): string {
  switch (typeof value) {
    case "string":
      return JSON.stringify(value);
    case "number":
      return String(value); // 0 and −0 are the same to whoever reads them
    case "bigint":
      return `${value}n`;
    case "object":
      if (value === null) return "null";
      if (value instanceof Uint8Array) return `<${toHex(value)}>`;
      if (Array.isArray(value)) return `[${value.map(canonicalText).join(",")}]`;
      return `{${Object.entries(value)
        .sort(([left], [right]) => (left < right ? -1 : 1))
        .map(([key, field]) => `${JSON.stringify(key)}:${canonicalText(field)}`)
        .join(",")}}`;
    default:
      return String(value);
  }
}

/** For values that travel as JSON text, which writes what it cannot say as null. */
export function canonicalJson(value: unknown): string {
  return value === undefined ? "undefined" : canonicalText(JSON.parse(JSON.stringify(value)));
}
