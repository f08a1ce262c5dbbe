/**
 * Awareness states as clients send them, and the check that every state passes before it may enter the table, whether a
 * client or another peer sent it. What breaks the format is refused as a whole; a state that merely exceeds a limit is
 * left out, because an application with a large avatar should lose its cursor, not its document.
 */
import type { PresenceState } from "@yarrow/protocol";
import { FrameReader, decodeText, invalidFrame } from "./frame-reader.ts";
import type { RelayConfig } from "./relay-limits.ts";

/** The JSON text of a client that is gone. */
export const GONE = "null";

/** True for a text that is known to be a sound state of this client. */
export type KnowsState = (clientId: number, state: string) => boolean;

/**
 * Decodes the body of an awareness message. Errors: YARROW_FRAME_INVALID.
 *
 * Most of what a busy document's clients send is the echo of what they have just been sent, so texts that `knows` knows
 * are not parsed again.
 */
export function decodePresence(bytes: Uint8Array, config: RelayConfig, knows: KnowsState): PresenceState[] {
  const reader = new FrameReader(bytes);
  const count = reader.varUint();
  if (count > config.presenceStatesMax) throw invalidFrame(`${count} awareness states in one message`);
  const states: PresenceState[] = [];
  for (let index = 0; index < count; index++) {
    const clientId = reader.varUint();
    const clock = reader.varUint();
    const text = reader.varBytes();
    if (clock > config.presenceClockMax) throw invalidFrame(`awareness clock ${clock}`);
    if (text.length > config.presenceStateBytesMax) continue;
    const state = decodeText(text);
    const fault = knows(clientId, state) ? undefined : faultOfState(state, config);
    if (fault === "malformed") throw invalidFrame("awareness state that is not a JSON object or null");
    if (fault === undefined) states.push({ clientId, clock, state: state.trim() === GONE ? GONE : state });
  }
  if (reader.remaining > 0) throw invalidFrame("bytes after the last awareness state");
  return states;
}

/** What is wrong with a state's JSON text, if anything. */
export function faultOfState(state: string, config: RelayConfig): "too-deep" | "malformed" | undefined {
  if (state === GONE) return undefined;
  if (depthOf(state) > config.presenceDepthMax) return "too-deep";
  try {
    const value: unknown = JSON.parse(state);
    return typeof value === "object" && !Array.isArray(value) ? undefined : "malformed";
  } catch {
    return "malformed";
  }
}

/** Character codes of JSON's brackets, quote and escape. */
const QUOTE = 0x22;
const ESCAPE = 0x5c;
const OPEN_ARRAY = 0x5b;
const CLOSE_ARRAY = 0x5d;
const OPEN_OBJECT = 0x7b;
const CLOSE_OBJECT = 0x7d;

/** Nesting of brackets outside of strings; equal to the nesting of the value when the text is JSON. */
function depthOf(json: string): number {
  let depth = 0;
  let deepest = 0;
  let inString = false;
  for (let at = 0; at < json.length; at++) {
    const code = json.charCodeAt(at);
    if (inString) {
      if (code === ESCAPE) at += 1;
      else if (code === QUOTE) inString = false;
    } else if (code === QUOTE) inString = true;
    else if (code === OPEN_OBJECT || code === OPEN_ARRAY) deepest = Math.max(deepest, (depth += 1));
    else if (code === CLOSE_OBJECT || code === CLOSE_ARRAY) depth -= 1;
  }
  return deepest;
}
