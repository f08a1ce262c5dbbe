/** The other end of the control socket: how the `yarrow` command talks to the peer that runs on a data folder. */
import { createConnection } from "node:net";
import type { Socket } from "node:net";
import { createInterface } from "node:readline";
import { YarrowError } from "@yarrow/protocol";
import type { Role, YarrowErrorCode } from "@yarrow/protocol";
import type { QuarantinedDocument, VerifyReport } from "@yarrow/replica";
import { PART_BYTES_MAX } from "./transfer/upload.ts";
import type { BackupOptions } from "./backup/backups.ts";
import type { BackupManifest } from "./backup/manifest.ts";
import type { BackupProgress } from "./backup/report.ts";
import type {
  CompactReport,
  ControlMethod,
  ControlParams,
  ControlProgress,
  ControlResponse,
  ControlResult,
} from "./control-message.ts";
import { findControlPath } from "./control-path.ts";
import type { DocumentHistory, HistoryOptions, RevertOptions, RevertResult } from "./past/past-api.ts";
import { unpackDetail, unpackHistory } from "./past/past-wire.ts";
import type { PastDetail } from "./past/past-wire.ts";
import type {
  DocumentDetail,
  DocumentInfo,
  LinkStatus,
  ListOptions,
  PeerStatus,
  QueryOptions,
  QueryParams,
  QueryResult,
  ReleaseReport,
  ShowOptions,
} from "./peer-api.ts";

/** A connection to the peer that runs on a data folder. Each method throws what the peer would, and YARROW_PEER_NOT_RUNNING when it goes away. */
export interface ControlClient extends AsyncDisposable {
  status(): Promise<PeerStatus>;
  documents(options?: ListOptions): Promise<DocumentInfo[]>;
  show(name: string, options?: ShowOptions): Promise<DocumentDetail | undefined>;
  query(sql: string, params?: QueryParams, options?: Omit<QueryOptions, "signal">): Promise<QueryResult>;
  rebuildProjection(): Promise<void>;
  /** Adds a line of text at the end of a root; resolves as `saved()` of a handle would. */
  append(name: string, line: string, options: AppendOptions): Promise<string>;
  /** See `Peer.waitFor`. */
  waitFor(token: string, options?: { readonly timeoutMs?: number }): Promise<void>;
  showAt(name: string, atMs: number, options?: ShowOptions): Promise<PastDetail>;
  history(name: string, options?: HistoryOptions): Promise<DocumentHistory | undefined>;
  /** Hanging up ends the waiting. */
  revert(name: string, atMs: number, options?: Omit<RevertOptions, "signal">): Promise<RevertResult>;
  delete(name: string): Promise<boolean>;
  verify(options?: { readonly deep?: boolean; readonly timeoutMs?: number }): Promise<VerifyReport>;
  compact(): Promise<CompactReport>;
  /** Hanging up ends the waiting. */
  importUpdate(name: string, update: Uint8Array, options?: { readonly timeoutMs?: number }): Promise<void>;
  /** `file` must be absolute. Hanging up ends the backup. */
  backup(file: string, options?: Omit<BackupOptions, "signal">): Promise<BackupManifest>;
  links(): Promise<readonly LinkStatus[]>;
  setRole(role: Role): Promise<void>;
  pauseLinks(paused: boolean, peer?: string): Promise<void>;
  /** See `Peer.limitLink`. */
  limitLink(peer: string, bytesPerSecond: number | undefined): Promise<void>;
  quarantined(): Promise<readonly QuarantinedDocument[]>;
  release(name: string): Promise<ReleaseReport>;
  /** Asks the peer to close; resolves when it has agreed, not when it is gone. */
  stop(): Promise<void>;
  close(): Promise<void>;
}

interface AppendOptions {
  readonly root: string;
  readonly copies?: number;
  readonly timeoutMs?: number;
}

/** Errors: YARROW_PEER_NOT_RUNNING. */
export async function connectControl(folder: string): Promise<ControlClient> {
  const path = await findControlPath(folder);
  const socket = createConnection(path);
  await new Promise<void>((resolve, reject) => {
    socket.once("connect", resolve);
    socket.once("error", (error) => reject(notRunning(folder, error)));
  });
  return new SocketClient(folder, socket);
}

class SocketClient implements ControlClient {
  readonly #folder: string;
  readonly #socket: Socket;
  #failure: Error | undefined;
  readonly #waiting: {
    readonly resolve: (response: ControlResponse) => void;
    readonly reject: (error: Error) => void;
    readonly onProgress: ((progress: BackupProgress) => void) | undefined;
  }[] = [];

  constructor(folder: string, socket: Socket) {
    this.#folder = folder;
    this.#socket = socket;
    const lines = createInterface({ input: socket });
    lines.on("line", (line) => this.#hear(line));
    // The interface tells an error of its socket once more. Whoever waits hears of it when the socket closes.
    lines.on("error", () => undefined);
    socket.on("error", (error) => void (this.#failure ??= error));
    socket.on("close", () => {
      for (const { reject } of this.#waiting.splice(0)) reject(wentAway(folder, this.#failure));
    });
  }

  status(): Promise<PeerStatus> {
    return this.#call("status", {});
  }

  async documents(options: ListOptions = {}): Promise<DocumentInfo[]> {
    const documents = await this.#call("documents", options);
    return documents.map(({ changedAtMs, ...info }) => ({ ...info, changedAt: new Date(changedAtMs) }));
  }

  async show(name: string, options: ShowOptions = {}): Promise<DocumentDetail | undefined> {
    const detail = await this.#call("show", { name, ...options });
    return detail === null ? undefined : { ...detail, update: new Uint8Array(Buffer.from(detail.update, "base64")) };
  }

  query(sql: string, params: QueryParams = [], options: Omit<QueryOptions, "signal"> = {}): Promise<QueryResult> {
    return this.#call("query", { sql, params, ...options });
  }

  async rebuildProjection(): Promise<void> {
    await this.#call("query.rebuild", {});
  }

  append(name: string, line: string, options: AppendOptions): Promise<string> {
    return this.#call("append", { name, line, ...options });
  }

  async waitFor(token: string, options: { readonly timeoutMs?: number } = {}): Promise<void> {
    await this.#call("wait", { token, ...options });
  }

  async showAt(name: string, atMs: number, options: ShowOptions = {}): Promise<PastDetail> {
    return unpackDetail(await this.#call("past.show", { name, atMs, ...options }));
  }

  async history(name: string, options: HistoryOptions = {}): Promise<DocumentHistory | undefined> {
    const history = await this.#call("history", { name, ...options });
    return history === null ? undefined : unpackHistory(history);
  }

  revert(name: string, atMs: number, options: Omit<RevertOptions, "signal"> = {}): Promise<RevertResult> {
    return this.#call("revert", { name, atMs, ...options });
  }

  delete(name: string): Promise<boolean> {
    return this.#call("delete", { name });
  }

  verify(options: { readonly deep?: boolean; readonly timeoutMs?: number } = {}): Promise<VerifyReport> {
    return this.#call("verify", options);
  }

  async importUpdate(name: string, update: Uint8Array, options: { readonly timeoutMs?: number } = {}): Promise<void> {
    const bytes = Buffer.from(update.buffer, update.byteOffset, update.byteLength);
    for (let start = 0; start === 0 || start < bytes.length; start += PART_BYTES_MAX) {
      const end = start + PART_BYTES_MAX;
      const part = bytes.toString("base64", start, Math.min(end, bytes.length));
      await this.#call("import", { name, part, last: end >= bytes.length, ...options });
    }
  }

  backup(file: string, options: Omit<BackupOptions, "signal"> = {}): Promise<BackupManifest> {
    const { onProgress, maxBytesPerSecond, force } = options;
    const params = {
      file,
      ...(maxBytesPerSecond === undefined ? {} : { maxBytesPerSecond }),
      ...(force === undefined ? {} : { force }),
    };
    return this.#call("backup", params, onProgress);
  }

  compact(): Promise<CompactReport> {
    return this.#call("compact", {});
  }

  links(): Promise<readonly LinkStatus[]> {
    return this.#call("links.list", {});
  }

  async setRole(role: Role): Promise<void> {
    await this.#call("role.set", { role });
  }

  async pauseLinks(paused: boolean, peer?: string): Promise<void> {
    await this.#call(paused ? "links.pause" : "links.resume", peer === undefined ? {} : { peer });
  }

  async limitLink(peer: string, bytesPerSecond: number | undefined): Promise<void> {
    await this.#call("links.limit", bytesPerSecond === undefined ? { peer } : { peer, bytesPerSecond });
  }

  quarantined(): Promise<readonly QuarantinedDocument[]> {
    return this.#call("quarantine", {});
  }

  release(name: string): Promise<ReleaseReport> {
    return this.#call("quarantine.release", { name });
  }

  async stop(): Promise<void> {
    await this.#call("stop", {});
  }

  async close(): Promise<void> {
    this.#socket.destroy();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  /** What a peer that is killed has begun to say comes as a line too. */
  #hear(line: string): void {
    let message: ControlResponse | ControlProgress;
    try {
      message = JSON.parse(line) as ControlResponse | ControlProgress;
    } catch (error) {
      this.#socket.destroy(error as Error);
      return;
    }
    if ("progress" in message) this.#waiting[0]?.onProgress?.(message.progress);
    else this.#waiting.shift()?.resolve(message);
  }

  async #call<M extends ControlMethod>(
    method: M,
    params: ControlParams<M>,
    onProgress?: (progress: BackupProgress) => void,
  ): Promise<ControlResult<M>> {
    if (this.#socket.destroyed) throw wentAway(this.#folder, this.#failure);
    const response = await new Promise<ControlResponse>((resolve, reject) => {
      this.#waiting.push({ resolve, reject, onProgress });
      this.#socket.write(`${JSON.stringify({ method, params })}\n`);
    });
    if (response.ok) return response.result as ControlResult<M>;
    const { code, message, hint } = response;
    if (code === undefined) throw new Error(message);
    throw new YarrowError(code as YarrowErrorCode, message, hint === undefined ? {} : { hint });
  }
}

function notRunning(folder: string, cause?: unknown): YarrowError {
  return new YarrowError("YARROW_PEER_NOT_RUNNING", `no peer runs on ${folder}`, {
    cause,
    hint: "Start one with: yarrow serve --data " + folder,
  });
}

function wentAway(folder: string, cause: Error | undefined): YarrowError {
  return new YarrowError("YARROW_PEER_NOT_RUNNING", `the peer on ${folder} ended before it had answered`, {
    cause,
    hint: `\`yarrow status --data ${folder}\` tells whether it runs again.`,
  });
}
