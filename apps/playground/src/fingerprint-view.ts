/**
 * A fingerprint as something the eye can compare: one bar for each byte, its hue from the high half and its height
 * from the low half, and the first digits beside it. Equal pictures mean equal fingerprints for all that an eye can
 * tell; the full digits are in the tooltip.
 */
import { element, svgElement } from "./element.ts";

export interface Bar {
  /** Degrees on the colour circle. */
  readonly hue: number;
  /** 1 (lowest) to 8 (full height). */
  readonly level: number;
}

const BYTES = 16;
const HUES = 16;
const SHORT_DIGITS = 8;

export function fingerprintBars(hex: string): readonly Bar[] {
  return Array.from({ length: BYTES }, (_, index) => {
    const byte = Number.parseInt(hex.slice(index * 2, index * 2 + 2), 16) || 0;
    return { hue: ((byte >> 4) * 360) / HUES, level: ((byte & 0x0f) >> 1) + 1 };
  });
}

export class FingerprintView {
  readonly root: HTMLElement;
  readonly #picture = svgElement("svg", { viewBox: "0 0 96 24", class: "fingerprint-bars", "aria-hidden": "true" });
  readonly #digits = element("code", { class: "fingerprint-digits" });
  #shown: string | undefined;

  constructor() {
    this.root = element("span", { class: "fingerprint" }, this.#picture, this.#digits);
  }

  /** Shows a fingerprint in hex, or `absent`, a word for why there is none. */
  show(hex: string | undefined, absent: string): void {
    const wanted = hex ?? absent;
    if (wanted === this.#shown) return;
    this.#shown = wanted;
    this.root.dataset["absent"] = String(hex === undefined);
    this.root.title = hex ?? "";
    this.#digits.textContent = hex === undefined ? absent : hex.slice(0, SHORT_DIGITS);
    this.#picture.replaceChildren(...(hex === undefined ? emptyBars() : fingerprintBars(hex)).map(barElement));
  }
}

function emptyBars(): readonly Bar[] {
  return Array.from({ length: BYTES }, () => ({ hue: -1, level: 1 }));
}

function barElement(bar: Bar, index: number): SVGElement {
  const height = bar.level * 3;
  const made = svgElement("rect", { x: index * 6 + 0.75, y: (24 - height) / 2, width: 4.5, height, rx: 1.5 });
  // The page gives lightness and chroma, which differ between light and dark.
  if (bar.hue >= 0) made.style.setProperty("--hue", String(bar.hue));
  else made.classList.add("is-empty");
  return made;
}
