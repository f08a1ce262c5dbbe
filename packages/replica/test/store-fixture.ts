/** What a store must offer to be held to the contract. */
import type { Incarnation, NodePath } from "@yarrow/protocol";
import type { DocumentId, SnapshotKind, Store } from "../src/store.ts";

export interface StoreFixture {
  /** The store that is open now. */
  readonly store: Store;
  /** Closes the store and opens it again. */
  reopen(): Store;
  /** Leaves no room for more, or gives it back. */
  limitRoom(limited: boolean): void;
  /** Flips bits in what is stored. */
  readonly damage: StoreDamage;
  close(): void;
}

export interface StoreDamage {
  fence(document: DocumentId): void;
  checkpoint(document: DocumentId): void;
  log(sequence: number): void;
  snapshot(document: DocumentId, incarnation: Incarnation, kind: SnapshotKind): void;
  pending(document: DocumentId): void;
  bucket(path: NodePath): void;
}

/** Hands the fixture of the running test to the bodies of the tests. */
export type Current = () => StoreFixture;
