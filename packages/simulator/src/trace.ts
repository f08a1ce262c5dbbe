/**
 * A running hash over everything that happens, so that two runs of one seed can be compared by one number; on demand also
 * the lines themselves. Two 32-bit lanes of FNV-1a with different starts.
 */
export class Trace {
  #low = 0x811c9dc5;
  #high = 0x9747b28c;
  readonly #print: ((line: string) => void) | undefined;
  #events = 0;

  constructor(print?: (line: string) => void) {
    this.#print = print;
  }

  /** Things noted so far. */
  get events(): number {
    return this.#events;
  }

  /** 16 hex digits. */
  get hash(): string {
    return hexWord(this.#high) + hexWord(this.#low);
  }

  note(now: number, who: string, what: string, bytes?: Uint8Array): void {
    this.#events++;
    this.#add(now >>> 0);
    this.#addText(who);
    this.#addText(what);
    if (bytes !== undefined) {
      this.#add(bytes.length);
      this.#addBytes(bytes);
    }
    this.#print?.(`${(now / 1000).toFixed(3)} ${who} ${what}${bytes === undefined ? "" : ` ${bytes.length} B`}`);
  }

  #addText(text: string): void {
    for (let index = 0; index < text.length; index++) this.#add(text.charCodeAt(index));
  }

  /** As `add` of each, with the lanes in registers. */
  #addBytes(bytes: Uint8Array): void {
    let low = this.#low;
    let high = this.#high;
    for (let index = 0; index < bytes.length; index++) {
      const byte = bytes[index] as number;
      low = Math.imul(low ^ byte, 0x01000193);
      high = (Math.imul(high ^ byte, 0x01000193) + 0x6d2b79f5) | 0;
    }
    this.#low = low >>> 0;
    this.#high = high >>> 0;
  }

  #add(word: number): void {
    this.#low = Math.imul(this.#low ^ word, 0x01000193) >>> 0;
    this.#high = (Math.imul(this.#high ^ word, 0x01000193) + 0x6d2b79f5) >>> 0;
  }
}

function hexWord(word: number): string {
  return word.toString(16).padStart(8, "0");
}
