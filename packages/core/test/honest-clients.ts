/**
 * Honest clients beside an attack: a stock writer and a stock reader at the document that is attacked, and at another one of
 * the same peer. They write a word after another all the while, and every word must arrive.
 */
import { expect } from "vitest";
import type { Peer } from "../src/peer-api.ts";
import { until } from "./peers.ts";
import { connectSynced } from "./stock-client.ts";
import type { StockClient } from "./stock-client.ts";

/** A word must have gone from the writer's editor to the reader's within this time, whatever happens beside it. */
const WORD_TIMEOUT_MS = 5_000;

const OTHER = "another document";

class Pair {
  readonly words: string[] = [];
  readonly name: string;
  readonly #writer: StockClient;
  readonly #reader: StockClient;

  constructor(name: string, writer: StockClient, reader: StockClient) {
    this.name = name;
    this.#writer = writer;
    this.#reader = reader;
  }

  get text(): string {
    return this.#reader.text.toString();
  }

  get closes(): number[] {
    return [...this.#writer.closes, ...this.#reader.closes];
  }

  async write(word: string): Promise<void> {
    this.#writer.text.insert(this.#writer.text.length, `${word} `);
    this.words.push(word);
    await until(() => this.text.includes(`${word} `), WORD_TIMEOUT_MS);
  }
}

export class HonestClients {
  readonly #peer: Peer;
  readonly #pairs: readonly Pair[];
  #words = 0;
  #slowestMs = 0;

  private constructor(peer: Peer, pairs: readonly Pair[]) {
    this.#peer = peer;
    this.#pairs = pairs;
  }

  /** Connects them; with no document to share, only those at another one. */
  static async connect(peer: Peer, document?: string): Promise<HonestClients> {
    const names = document === undefined ? [OTHER] : [document, OTHER];
    const url = peer.url ?? "";
    const pairs = names.map(async (name) => {
      const room = encodeURIComponent(name);
      return new Pair(name, await connectSynced(url, room), await connectSynced(url, room));
    });
    return new HonestClients(peer, await Promise.all(pairs));
  }

  /** How long the slowest word took. */
  get slowestMs(): number {
    return this.#slowestMs;
  }

  /** One more word through each document. */
  async write(): Promise<void> {
    const word = `word${++this.#words}`;
    const started = performance.now();
    await Promise.all(this.#pairs.map((pair) => pair.write(word)));
    this.#slowestMs = Math.max(this.#slowestMs, performance.now() - started);
  }

  /** Writes before, all through, and after what `attack` does, and checks that none of it is disturbed or lost. */
  async during<T>(attack: () => Promise<T>): Promise<T> {
    await this.write();
    const attacking = { over: false };
    const writing = (async () => {
      while (!attacking.over) await this.write();
    })();
    let result: T;
    try {
      result = await attack();
    } finally {
      attacking.over = true;
      await writing;
    }
    await this.write();
    await this.check();
    return result;
  }

  /** Nobody was let go, and all words are there: with the readers, and in what the peer has stored. */
  async check(): Promise<void> {
    for (const { name, words, text, closes } of this.#pairs) {
      expect(closes).toEqual([]);
      expect(words.filter((word) => !text.includes(`${word} `))).toEqual([]);
      // Their text is also all there is: nothing of the attack has got in.
      expect((await this.#peer.show(name))?.roots).toEqual({ body: { kind: "text", value: text } });
    }
  }
}
