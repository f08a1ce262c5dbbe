/** Who sits at which peer: a colour that belongs to the peer, and a name for whoever types in this window. */

export interface Person {
  readonly name: string;
  readonly color: string;
  /** The same colour, thin enough to lie behind text: what this person has selected. */
  readonly colorLight: string;
}

/** Each carries white text at a contrast of at least 4.5, and stands out on a light and on a dark page. */
const COLORS = ["#c2346b", "#a86200", "#1b7788", "#6a52c8", "#3f7d3a", "#b3472d", "#2f6bc4", "#7a6a1e"] as const;

const NAMES: Readonly<Record<string, readonly string[]>> = {
  A: ["Ada", "Amir", "Anouk", "Akira"],
  B: ["Bea", "Bram", "Bilal", "Birgit"],
  C: ["Cleo", "Chen", "Carlos", "Ciara"],
  D: ["Dora", "Dev", "Dmitri", "Dalia"],
  E: ["Elif", "Emil", "Esra", "Enzo"],
  F: ["Finn", "Farah", "Freya", "Femi"],
  G: ["Gita", "Goran", "Greta", "Gael"],
  H: ["Hana", "Hugo", "Hye", "Henrik"],
};

export function colorAt(place: number): string {
  return COLORS[place % COLORS.length] ?? COLORS[0];
}

/** Someone at this peer. Two windows rarely show the same name, because it is drawn anew each time. */
export function personAt(peer: string, place: number): Person {
  const names = NAMES[peer] ?? [`Guest ${peer}`];
  const chosen = Math.floor(Math.random() * names.length);
  const color = shade(colorAt(place), chosen);
  return { name: names[chosen] ?? peer, color, colorLight: `${color}40` };
}

/**
 * The same colour to the eye, yet another value for each name: y-codemirror.next takes carets of one colour for the same
 * person, and would leave a name standing at somebody else's caret.
 */
export function shade(color: string, step: number): string {
  const blue = (Number.parseInt(color.slice(5), 16) & ~3) | step;
  return `${color.slice(0, 5)}${blue.toString(16).padStart(2, "0")}`;
}
