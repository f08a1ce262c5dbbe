/** The peers of one run: folders in one place, one cluster name, and an end for all of them. */
import { PeerProcess, type PeerOptions, type Program, freePort } from "./processes.ts";
import { type Scratch, makeScratch } from "./scratch.ts";

export class PeerSet implements AsyncDisposable {
  readonly peers: PeerProcess[] = [];
  readonly scratch: Scratch;
  private readonly cluster: string;
  private readonly program: Program | undefined;

  private constructor(scratch: Scratch, cluster: string, program: Program | undefined) {
    this.program = program;
    this.scratch = scratch;
    this.cluster = cluster;
  }

  /** A set without peers. `purpose` names its cluster and its temporary folder. */
  static async make(purpose: string, program?: Program): Promise<PeerSet> {
    return new PeerSet(await makeScratch(purpose), purpose, program);
  }

  /** Starts a peer on a folder of this set; `options` override what follows from the name. */
  async add(folder: string, options: Partial<PeerOptions> = {}): Promise<PeerProcess> {
    const peer = await PeerProcess.start({
      data: this.scratch.inside(folder),
      port: options.port ?? (await freePort()),
      cluster: this.cluster,
      ...(this.program === undefined ? {} : { program: this.program }),
      ...options,
    });
    this.peers.push(peer);
    return peer;
  }

  /** Starts `count` peers that know each other's addresses from the start. */
  async addMesh(count: number, options: Partial<PeerOptions> = {}): Promise<readonly PeerProcess[]> {
    const ports: number[] = [];
    while (ports.length < count) {
      const port = await freePort();
      if (!ports.includes(port)) ports.push(port);
    }
    const urls = ports.map((port) => `ws://127.0.0.1:${port}`);
    const added = ports.map((port, at) =>
      this.add(`peer-${at}`, { ...options, port, peers: urls.filter((_, other) => other !== at) }),
    );
    await Promise.all(added);
    this.peers.sort((a, b) => ports.indexOf(a.options.port) - ports.indexOf(b.options.port));
    return this.peers;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.peers.map((peer) => peer.kill()));
    await this.scratch[Symbol.asyncDispose]();
  }
}
