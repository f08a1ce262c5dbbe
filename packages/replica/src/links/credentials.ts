/**
 * Who is at the other end of a link. Each peer has a key pair; a peer with a list of trusted keys admits only those who prove
 * that they hold one of them, in no higher role than the list gives it. The proof is a signature over both hellos, so it
 * holds for one link, one role and one moment. It says nothing about what travels afterwards: that is the task of the network or of TLS.
 */
import type { Hello, Role, YarrowErrorCode } from "@yarrow/protocol";
import { fromHex } from "@yarrow/protocol";
import * as encoding from "lib0/encoding";

export interface Credentials {
  /** Ed25519, 32 bytes. */
  readonly publicKey: Uint8Array;
  /** 16 fresh bytes that nobody can foresee. */
  readonly nonce: () => Uint8Array;
  /** 64 bytes. */
  readonly sign: (statement: Uint8Array) => Uint8Array;
  readonly verify: (publicKey: Uint8Array, statement: Uint8Array, signature: Uint8Array) => boolean;
  /** The highest role the holder of a key may have here; undefined = not admitted. Left out: everybody is admitted, without proof. */
  readonly roleOf?: ((publicKey: Uint8Array) => Role | undefined) | undefined;
}

export interface Refusal {
  readonly code: YarrowErrorCode;
  readonly detail: string;
}

const LABEL = "yarrow peer proof 1";

/** What the sender of a hello signs. The order of the two keeps one side's proof from being the other's. */
export function proofStatement(sender: Hello, receiver: Hello): Uint8Array {
  const encoder = encoding.createEncoder();
  encoding.writeVarString(encoder, LABEL);
  for (const hello of [sender, receiver]) {
    encoding.writeVarString(encoder, hello.clusterId ?? "");
    encoding.writeUint8Array(encoder, fromHex(hello.peerId));
    encoding.writeUint8Array(encoder, fromHex(hello.processId));
    encoding.writeUint8(encoder, hello.role === "writer" ? 0 : 1);
    encoding.writeUint8(encoder, hello.follows ? 1 : 0);
    encoding.writeVarUint8Array(encoder, hello.publicKey);
    encoding.writeVarUint8Array(encoder, hello.nonce);
  }
  return encoding.toUint8Array(encoder);
}

/** Whether the list lets the sender of a hello be what it says it is. Undefined = it does, once it has proved it. */
export function judgeCredential(roleOf: NonNullable<Credentials["roleOf"]>, hello: Hello): Refusal | undefined {
  const role = hello.publicKey.length === 0 ? undefined : roleOf(hello.publicKey);
  if (role === undefined) return refuse(`the key of peer ${hello.peerId} is not on the list of trusted keys`);
  if (hello.role === "writer" && role === "follower") {
    return refuse(`the list of trusted keys lets peer ${hello.peerId} be a follower, not a writer`);
  }
  return undefined;
}

function refuse(detail: string): Refusal {
  return { code: "YARROW_CREDENTIAL_REFUSED", detail };
}
