/**
 * Seeded random documents for fuzz tests: every kind of content Yjs knows, from clients with small and large ids, with
 * updates delivered in any order, twice, or not at all.
 */
import * as Y from "yjs";

export interface Random {
  /** An integer from 0 to below `limit`. */
  below(limit: number): number;
  chance(probability: number): boolean;
  pick<T>(from: readonly T[]): T;
  shuffle<T>(items: readonly T[]): T[];
}

/** SplitMix32: same seed, same sequence. */
export function createRandom(seed: number): Random {
  let state = seed >>> 0;
  const next = (): number => {
    state = (state + 0x9e3779b9) >>> 0;
    let mixed = state ^ (state >>> 16);
    mixed = Math.imul(mixed, 0x21f0aaad);
    mixed ^= mixed >>> 15;
    mixed = Math.imul(mixed, 0x735a2d97);
    return ((mixed ^ (mixed >>> 15)) >>> 0) / 2 ** 32;
  };
  const below = (limit: number) => Math.floor(next() * limit);
  return {
    below,
    chance: (probability) => next() < probability,
    pick: (from) => from[below(from.length)]!,
    shuffle: (items) => {
      const shuffled = [...items];
      for (let index = shuffled.length - 1; index > 0; index--) {
        const other = below(index + 1);
        [shuffled[index], shuffled[other]] = [shuffled[other]!, shuffled[index]!];
      }
      return shuffled;
    },
  };
}

/** Ids as Yjs picks them (32 bits), small ones, and some that need all 53 bits. */
export function randomClientId(random: Random): number {
  const shape = random.below(4);
  if (shape === 0) return 1 + random.below(1000);
  if (shape === 1) return 2 ** 32 * (1 + random.below(2 ** 21 - 1)) + random.below(2 ** 32);
  return 1 + random.below(2 ** 32 - 1);
}

const WORDS = ["a", "bc", "def ", "é", "日本", "😀", "x😀y", "\n"];
const VALUES: readonly unknown[] = [
  1,
  -0,
  2 ** 40,
  1.5,
  "text",
  true,
  false,
  null,
  undefined,
  12n,
  [1, [2, "x"]],
  { a: 1, b: { c: [null] } },
  Uint8Array.of(1, 2, 255),
];

/** Arrays take all of these but two. */
const ELEMENTS = VALUES.filter((value) => value !== undefined && typeof value !== "bigint");

/** One random change of one of the document's five roots. */
export function editRandomly(doc: Y.Doc, random: Random): void {
  const edits = [editText, editText, editText, editMap, editNested, editArray, editXml];
  random.pick(edits)(doc, random);
}

function editText(doc: Y.Doc, random: Random): void {
  editOneText(doc.getText("text"), random);
}

function editOneText(text: Y.Text, random: Random): void {
  // Not into a surrogate pair: editors do not, and Yjs cannot (it leaves replacement characters, not everywhere the same).
  const units = text
    .toDelta()
    .map((part: { insert: unknown }) => (typeof part.insert === "string" ? part.insert : "."))
    .join("");
  const boundary = (index: number) => (/^[\udc00-\udfff]/.test(units.slice(index, index + 1)) ? index + 1 : index);
  const at = boundary(random.below(text.length + 1));
  const room = text.length - at;
  const length = boundary(at + Math.min(room, 1 + random.below(4))) - at;
  switch (random.below(8)) {
    case 0:
    case 1:
    case 2:
      return text.insert(at, random.pick(WORDS));
    case 3:
    case 4:
      if (room > 0) text.delete(at, length);
      return;
    case 5:
      if (room > 0) text.format(at, length, { bold: random.chance(0.6) ? true : null });
      return;
    case 6:
      return text.insertEmbed(at, { image: random.below(9) });
    default:
      return text.insert(at, random.pick(WORDS), { italic: true });
  }
}

function editMap(doc: Y.Doc, random: Random): void {
  const map = doc.getMap("map");
  const key = random.pick(["k0", "k1", "k2", "__proto__"]);
  if (random.chance(0.2)) map.delete(key);
  else if (random.chance(0.05)) map.set("subdocument", new Y.Doc({ guid: `guid-${random.below(3)}`, meta: { a: 1 } }));
  else map.set(key, random.pick(VALUES));
}

function editNested(doc: Y.Doc, random: Random): void {
  const map = doc.getMap("nested");
  const key = random.pick(["n0", "n1"]);
  const inner = map.get(key);
  if (!(inner instanceof Y.Map)) {
    const fresh = new Y.Map<unknown>();
    fresh.set("text", new Y.Text("hi"));
    map.set(key, fresh);
  } else if (random.chance(0.15)) {
    map.delete(key);
  } else if (random.chance(0.5)) {
    const text = inner.get("text");
    if (text instanceof Y.Text) editOneText(text, random);
  } else {
    inner.set("value", random.pick(VALUES));
  }
}

function editArray(doc: Y.Doc, random: Random): void {
  const array = doc.getArray("array");
  const at = random.below(array.length + 1);
  if (array.length > at && random.chance(0.3)) array.delete(at, Math.min(array.length - at, 1 + random.below(2)));
  else if (random.chance(0.3)) array.insert(at, [Y.Array.from([1, 2, 3])]);
  else array.insert(at, [random.pick(ELEMENTS), random.pick(ELEMENTS)]);
}

function editXml(doc: Y.Doc, random: Random): void {
  const fragment = doc.getXmlFragment("xml");
  const at = random.below(fragment.length + 1);
  const existing = fragment.length > 0 ? fragment.get(random.below(fragment.length)) : undefined;
  if (existing instanceof Y.XmlElement && random.chance(0.4)) {
    if (random.chance(0.5)) existing.setAttribute("class", random.pick(WORDS));
    else existing.insert(0, [new Y.XmlText(random.pick(WORDS)), new Y.XmlElement("b")]);
  } else if (fragment.length > at && random.chance(0.25)) {
    fragment.delete(at, 1);
  } else if (random.chance(0.1)) {
    const hook = new Y.XmlHook("hook");
    hook.set("a", 1);
    fragment.insert(at, [hook as unknown as Y.XmlElement]);
  } else {
    fragment.insert(at, [random.chance(0.5) ? new Y.XmlElement("p") : new Y.XmlText(random.pick(WORDS))]);
  }
}

/** Updates as the documents of several clients emit them while they exchange some of them. */
export interface Session {
  readonly docs: readonly Y.Doc[];
  /** Every local change, in the order made. */
  readonly updates: readonly Uint8Array[];
}

/**
 * Clients (garbage collecting or not, by turns) edit, now and then receive each other's updates, out of order and
 * twice.
 */
export function randomSession(random: Random, clients: number, steps: number): Session {
  const updates: Uint8Array[] = [];
  const ids = new Set<number>();
  while (ids.size < clients) ids.add(randomClientId(random));
  const docs = [...ids].map((clientId, index) => {
    const doc = new Y.Doc({ gc: index % 2 === 0 });
    doc.clientID = clientId;
    // Everything a document says that it was not told, clean-ups of rich text included.
    doc.on("update", (update: Uint8Array, origin: unknown) => {
      if (origin !== "network") updates.push(update);
    });
    return doc;
  });
  for (let step = 0; step < steps; step++) {
    const doc = random.pick(docs);
    doc.transact(() => {
      for (let edits = 1 + random.below(3); edits > 0; edits--) editRandomly(doc, random);
    });
    for (let deliveries = 0; deliveries < 2; deliveries++) {
      if (updates.length > 0 && random.chance(0.6)) Y.applyUpdate(random.pick(docs), random.pick(updates), "network");
    }
    if (random.chance(0.1)) {
      const [from, to] = [random.pick(docs), random.pick(docs)];
      if (from !== to) Y.applyUpdate(to, Y.encodeStateAsUpdate(from, Y.encodeStateVector(to)), "network");
    }
  }
  return { docs, updates };
}

/** The content as people see it. */
export function visibleContent(doc: Y.Doc): unknown {
  const plain = (value: unknown): unknown => {
    if (value instanceof Uint8Array) return [...value];
    if (value instanceof Y.Doc) return value.guid;
    if (typeof value === "bigint") return `${value}n`;
    if (Array.isArray(value)) return value.map(plain);
    if (typeof value === "object" && value !== null) {
      return Object.entries(value)
        .sort(([left], [right]) => (left < right ? -1 : 1))
        .map(([key, field]) => [key, plain(field)]);
    }
    return value;
  };
  return plain([
    doc.getText("text").toDelta(),
    [...doc.getMap("map").entries()].sort(([left], [right]) => (left < right ? -1 : 1)),
    doc.getMap("nested").toJSON(),
    doc.getArray("array").toJSON(),
    doc.getXmlFragment("xml").toString(),
  ]);
}
