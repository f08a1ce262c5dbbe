/** The writers of an ingest run: one raw client for each document, each with a window of updates that were not yet echoed. */
import { answerQuestions } from "./crowd.ts";
import { KeystrokeWriter, clockMs, readStamps } from "./keystrokes.ts";
import { openRawClient } from "./raw-client.ts";

export type WritersQuestion =
  | { readonly kind: "open"; readonly url: string; readonly documents: number; readonly windowUpdates: number }
  | { readonly kind: "start" }
  | { readonly kind: "stop" }
  | { readonly kind: "count" };

export interface WritersAnswer {
  readonly sent: number;
  /** Updates that came back to their writer so far. */
  readonly echoed: number;
}

let sent = 0;
let echoed = 0;
let writing = false;
const starts: (() => void)[] = [];

answerQuestions(async (question: WritersQuestion): Promise<WritersAnswer> => {
  if (question.kind === "open") {
    for (let at = 0; at < question.documents; at++)
      await openWriter(question.url, `ingest-${at}`, question.windowUpdates);
  }
  if (question.kind === "start") {
    writing = true;
    for (const start of starts) start();
  }
  if (question.kind === "stop") writing = false;
  return { sent, echoed };
});

async function openWriter(url: string, name: string, windowUpdates: number): Promise<void> {
  const client = await openRawClient(url, name, (frame) => {
    const count = readStamps(frame);
    echoed += count;
    send(count);
  });
  const keystrokes = new KeystrokeWriter(client.clientId);
  const send = (count: number) => {
    if (!writing) return;
    sent += count;
    client.send(Array.from({ length: count }, () => keystrokes.next(clockMs())));
  };
  client.socket.on("close", (code) => {
    throw new Error(`The server closed ${name} with ${code}.`);
  });
  starts.push(() => send(windowUpdates));
}
