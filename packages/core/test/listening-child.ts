/** Runs a peer on the folder it is given, prints its address once it listens, and goes on until it is killed. */
import { createPeer } from "../src/create-peer.ts";

const peer = await createPeer({ data: process.argv[2] ?? "", listen: "127.0.0.1:0" });
console.log(peer.url);
