/** Says aloud, through one polite live region, what changes without the reader having done it here. */
import type { Mood } from "./agreement-bar.ts";
import { isCutOff, peerState, type PeerView } from "./peer-state.ts";

const SPOKEN: Readonly<Record<Mood, string | undefined>> = {
  equal: "All peers are equal.",
  different: "The peers differ.",
  // Both pass by themselves: saying them would only interrupt.
  settling: undefined,
  incomplete: undefined,
};

export class Announcer {
  readonly #region: HTMLElement;
  readonly #stateByPeer = new Map<string, string>();
  #mood: Mood | undefined;

  constructor(region: HTMLElement) {
    this.#region = region;
  }

  show(peers: readonly PeerView[], mood: Mood): void {
    const sentences: string[] = [];
    for (const peer of peers) {
      const state = isCutOff(peer) ? "cut off" : peerState(peer);
      const before = this.#stateByPeer.get(peer.name);
      this.#stateByPeer.set(peer.name, state);
      if (before !== undefined && before !== state) sentences.push(`Peer ${peer.name} is ${state}.`);
    }
    const spoken = SPOKEN[mood];
    if (spoken !== undefined && mood !== this.#mood) {
      if (this.#mood !== undefined) sentences.push(spoken);
      this.#mood = mood;
    }
    if (sentences.length > 0) this.say(sentences.join(" "));
  }

  say(sentence: string): void {
    this.#region.textContent = sentence;
  }
}
