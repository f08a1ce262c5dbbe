/** Clients in a process of their own, so that they share no event loop with the writer whose clock they read. */
import { fork } from "node:child_process";
import { fileURLToPath } from "node:url";
import { kill, track } from "./processes.ts";
import { within } from "./waiting.ts";

const ANSWER_TIMEOUT_MS = 60_000;

/** Asks a process one question at a time. */
export interface Crowd<Question, Answer> extends AsyncDisposable {
  readonly pid: number;
  ask(question: Question): Promise<Answer>;
}

/** Starts the module `name` of this folder as a process that answers questions. */
export function startCrowd<Question extends object, Answer>(name: string): Crowd<Question, Answer> {
  // Compiled code runs compiled code, sources run sources.
  const extension = import.meta.url.endsWith(".ts") ? "ts" : "js";
  const child = fork(fileURLToPath(new URL(`./${name}.${extension}`, import.meta.url)), {
    stdio: ["ignore", "inherit", "inherit", "ipc"],
  });
  track(child);
  return {
    pid: child.pid ?? 0,
    ask: (question) => {
      const answer = new Promise<Answer>((resolve, reject) => {
        const ended = () => reject(new Error(`${name} ended before it answered.`));
        child.once("exit", ended);
        child.once("message", (message) => {
          child.off("exit", ended);
          resolve(message as Answer);
        });
      });
      child.send(question);
      return within(answer, ANSWER_TIMEOUT_MS, `an answer of ${name}`);
    },
    [Symbol.asyncDispose]: () => kill(child, "SIGKILL"),
  };
}

/** The other side of {@link startCrowd}: answers each question in turn. A failure ends the process with its reason. */
export function answerQuestions(answer: (question: never) => Promise<object>): void {
  process.on("message", async (question) => {
    try {
      process.send?.(await answer(question as never));
    } catch (error) {
      console.error(error);
      process.exit(1);
    }
  });
  process.once("disconnect", () => process.exit(0));
}
