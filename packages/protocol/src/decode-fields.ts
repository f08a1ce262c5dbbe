/** Fields that several messages have in common, each read and checked in one place. */
import type { DocumentKey } from "./ids.ts";
import { ADDRESS_BYTES_MAX, NAME_BYTES_MAX } from "./limits.ts";
import type { Reader } from "./reader.ts";

export function list<T>(reader: Reader, bytesEach: number, max: number, decodeItem: (reader: Reader) => T): T[] {
  const count = reader.count(bytesEach, max);
  const items: T[] = [];
  for (let i = 0; i < count; i++) items.push(decodeItem(reader));
  return items;
}

export function flag(reader: Reader): boolean {
  const value = reader.byte();
  if (value > 1) reader.fail(`flag of value ${value}`);
  return value === 1;
}

/** What a later version appended to a message. */
export function appended(reader: Reader): number {
  return reader.remaining > 0 ? reader.varUint() : 0;
}

/** What is unknown is 0; what is known is one more than it is. */
export function maybe(reader: Reader): number | undefined {
  const value = reader.varUint();
  return value === 0 ? undefined : value - 1;
}

export function varUint(reader: Reader): number {
  return reader.varUint();
}

export function url(reader: Reader): string {
  return reader.text(ADDRESS_BYTES_MAX);
}

export function name(reader: Reader): string {
  const value = reader.text(NAME_BYTES_MAX);
  if (value.length === 0 || value.includes("\0")) reader.fail("document name empty or with NUL");
  return value;
}

export function path(reader: Reader): string {
  const value = reader.text(16);
  if (!/^[0-9a-f]*$/.test(value)) reader.fail("path of the set tree is not hex");
  return value;
}

export function cursor(reader: Reader): DocumentKey | "" {
  return hexBlob(reader, 8) as DocumentKey | "";
}

/** Hex of either no bytes or exactly `length` of them. */
export function hexBlob(reader: Reader, length: number): string {
  const bytes = reader.varUint();
  if (bytes !== 0 && bytes !== length) reader.fail(`length ${bytes} where 0 or ${length} is due`);
  return reader.hex(bytes);
}
