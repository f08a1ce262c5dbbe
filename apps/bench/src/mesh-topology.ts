/** Which peers of a simulated mesh are linked, and who links to whom when a link is lost. */

export interface Topology {
  /** Pairs of peers to link at the beginning. */
  readonly links: readonly (readonly [number, number])[];
  /** A link of `peer` was lost: whom it now links to, if anybody. `linked` are those it still has. */
  replace(peer: number, linked: ReadonlySet<number>, isAlive: (peer: number) => boolean): number | undefined;
}

/** Everybody is linked to everybody. */
export function fullMesh(peers: number): Topology {
  const links: [number, number][] = [];
  for (let a = 0; a < peers; a++) for (let b = a + 1; b < peers; b++) links.push([a, b]);
  return { links, replace: () => undefined };
}

/** A ring, so that it hangs together, and random links up to a degree: what a membership of bounded views comes to. */
export function randomGraph(peers: number, degree: number, random: () => number): Topology {
  const linked = Array.from({ length: peers }, () => new Set<number>());
  const links: [number, number][] = [];
  const any = (): number => Math.floor(random() * peers);
  const join = (a: number, b: number): void => {
    if (a === b || linked[a]?.has(b) === true) return;
    linked[a]?.add(b);
    linked[b]?.add(a);
    links.push([a, b]);
  };
  const hasRoom = (peer: number): boolean => (linked[peer]?.size ?? 0) < degree;
  for (let peer = 0; peer < peers; peer++) join(peer, (peer + 1) % peers);
  for (let tries = 0; tries < peers * degree * 50; tries++) {
    const [a, b] = [any(), any()];
    if (hasRoom(a) && hasRoom(b)) join(a, b);
  }
  return {
    links,
    replace: (peer, others, isAlive) => {
      if (others.size >= degree) return undefined;
      for (let tries = 0; tries < 100; tries++) {
        const candidate = any();
        if (candidate !== peer && !others.has(candidate) && isAlive(candidate)) return candidate;
      }
      return undefined;
    },
  };
}
