/**
 * Colours and safe text for people. Colours appear only where the stream is a terminal that wants them (`NO_COLOR`,
 * `FORCE_COLOR` and `TERM` are honoured by `util.styleText`).
 */
import { styleText } from "node:util";

type Style = Parameters<typeof styleText>[0];

/** Styled text for stderr. */
export function paint(text: string, style: Style): string {
  return styleText(style, text, { stream: process.stderr });
}

/** Styled text for stdout. */
export function ink(text: string, style: Style): string {
  return styleText(style, text, { stream: process.stdout });
}

/**
 * Text that came from elsewhere, made harmless for a terminal: control characters and marks that turn the direction of
 * writing are shown as escapes, so that a document's name cannot move the cursor or hide what stands beside it.
 */
export function printable(text: string): string {
  return text.replace(
    /[\p{Cc}\u2028\u2029\u200e\u200f\u202a-\u202e\u2066-\u2069]/gu,
    (character) => `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}`,
  );
}
