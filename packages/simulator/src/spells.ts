/**
 * When people are at work. Work comes in spells: within one, edits follow each other closely, and most of what goes wrong goes wrong
 * there, so that it meets edits that are under way; between two, everything may come to rest, and what rest alone brings
 * about (digests, retirement, leaving the memory) happens as well. Some of everything comes outside of the spells.
 */
import type { Random } from "./random.ts";

interface Spell {
  readonly from: number;
  readonly to: number;
}

const SPELL_MS_MIN = 4_000;
const SPELL_MS_MEAN = 20_000;
const REST_MS_MEAN = 50_000;
/** Of all that happens. */
const SHARE_WITHIN = 0.9;

export class Spells {
  readonly #random: Random;
  readonly #spells: Spell[] = [];

  constructor(random: Random, lengthMs: number) {
    this.#random = random;
    for (let from = 0; from < lengthMs;) {
      const to = Math.min(lengthMs, from + SPELL_MS_MIN + random.exponential(SPELL_MS_MEAN));
      this.#spells.push({ from, to });
      from = to + random.exponential(REST_MS_MEAN);
    }
  }

  /** `count` times in [from, to), ascending, most of them within spells. */
  times(count: number, from: number, to: number): number[] {
    const random = this.#random;
    const within = this.#spells
      .map((spell) => ({ from: Math.max(from, spell.from), to: Math.min(to, spell.to) }))
      .filter((spell) => spell.to > spell.from);
    const worked = within.reduce((ms, spell) => ms + spell.to - spell.from, 0);
    const times = Array.from({ length: count }, () => {
      if (worked === 0 || !random.chance(SHARE_WITHIN)) return Math.floor(from + random.next() * (to - from));
      let rest = random.next() * worked;
      for (const spell of within) {
        if (rest < spell.to - spell.from) return Math.floor(spell.from + rest);
        rest -= spell.to - spell.from;
      }
      return Math.floor(to - 1);
    });
    return times.sort((left, right) => left - right);
  }
}
