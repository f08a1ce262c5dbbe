/** A TCP proxy in front of a peer that counts what passes, and cuts what is open. */
import { once } from "node:events";
import type { AddressInfo, Socket } from "node:net";
import { connect, createServer } from "node:net";

export class CountingProxy implements AsyncDisposable {
  readonly #server = createServer();
  readonly #sockets = new Set<Socket>();
  readonly #port: number;
  /** From the peer behind it, and to it. */
  bytesOut = 0;
  bytesIn = 0;
  /** New connections are refused. */
  blocked = false;

  private constructor(port: number) {
    this.#port = port;
    this.#server.on("connection", (near) => this.#join(near));
  }

  /** `port`: of the peer. */
  static async start(port: number): Promise<CountingProxy> {
    const proxy = new CountingProxy(port);
    proxy.#server.listen(0, "127.0.0.1");
    await once(proxy.#server, "listening");
    return proxy;
  }

  get url(): string {
    return `ws://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  get bytes(): number {
    return this.bytesIn + this.bytesOut;
  }

  cut(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.cut();
    this.#server.close();
    await once(this.#server, "close");
  }

  #join(near: Socket): void {
    if (this.blocked) return void near.destroy();
    const far = connect(this.#port, "127.0.0.1");
    for (const [socket, other] of [
      [near, far],
      [far, near],
    ] as const) {
      socket.setNoDelay(true);
      this.#sockets.add(socket);
      socket.on("error", () => other.destroy());
      socket.on("close", () => {
        this.#sockets.delete(socket);
        other.destroy();
      });
    }
    near.on("data", (chunk: Buffer) => (this.bytesIn += chunk.length));
    far.on("data", (chunk: Buffer) => (this.bytesOut += chunk.length));
    near.pipe(far);
    far.pipe(near);
  }
}
