/** Answers the `yarrow` command on a Unix socket in the data folder, which only the folder's owner can open. */
import { chmod, rm } from "node:fs/promises";
import { createServer } from "node:net";
import type { Socket } from "node:net";
import { YarrowError } from "@yarrow/protocol";
import type { Role } from "@yarrow/protocol";
import { appendText } from "./append-text.ts";
import type {
  ControlMethod,
  ControlMethods,
  ControlProgress,
  ControlRequest,
  ControlResponse,
} from "./control-message.ts";
import { claimControlPath } from "./control-path.ts";
import { CONTROL_CONNECTIONS_MAX, CONTROL_LINE_BYTES_MAX } from "./limits.ts";
import { packDetail, packHistory } from "./past/past-wire.ts";
import { Upload } from "./transfer/upload.ts";
import type { Peer, QueryParams, RootContent, ShowOptions, ListOptions } from "./peer-api.ts";

export interface ControlServer {
  close(): Promise<void>;
}

/** Errors: YARROW_LISTEN_FAILED. `stop` is called for the command of that name, after it was answered. */
export async function startControlServer(folder: string, peer: Peer, stop: () => void): Promise<ControlServer> {
  const path = await claimControlPath(folder);
  const open = new Set<Socket>();
  const server = createServer((socket) => {
    open.add(socket);
    socket.on("close", () => open.delete(socket));
    converse(socket, peer, stop);
  });
  server.maxConnections = CONTROL_CONNECTIONS_MAX;
  await new Promise<void>((resolve, reject) => {
    server.once("error", (cause) => {
      reject(new YarrowError("YARROW_LISTEN_FAILED", `cannot listen on ${path}: ${cause.message}`, { cause }));
    });
    server.listen(path, resolve);
  });
  server.removeAllListeners("error").on("error", () => undefined);
  await chmod(path, 0o600);
  return {
    close: async () => {
      await new Promise<void>((resolve) => {
        server.close(() => resolve());
        for (const socket of open) socket.destroySoon();
      });
      await rm(path, { force: true });
    },
  };
}

/** Requests of one connection are answered one after the other, in the order in which they came. */
function converse(socket: Socket, peer: Peer, stop: () => void): void {
  const gone = new AbortController();
  const upload = new Upload();
  let buffered = "";
  let turn = Promise.resolve();
  socket.setEncoding("utf8");
  socket.on("error", () => undefined);
  socket.on("close", () => gone.abort());
  socket.on("data", (text: string) => {
    buffered += text;
    const lines = buffered.split("\n");
    buffered = lines.pop() ?? "";
    if (buffered.length > CONTROL_LINE_BYTES_MAX) socket.destroy();
    for (const line of lines) turn = turn.then(() => respond(line));
  });

  function onProgress(progress: ControlProgress["progress"]): void {
    // A reader that is behind sees fewer steps, not later ones.
    if (!socket.destroyed && !socket.writableNeedDrain) socket.write(`${JSON.stringify({ progress })}\n`);
  }

  async function respond(line: string): Promise<void> {
    let method = "";
    let response: ControlResponse;
    try {
      const request = JSON.parse(line) as ControlRequest;
      method = request.method;
      response = { ok: true, result: await call(peer, request, { signal: gone.signal, onProgress, upload }) };
    } catch (error) {
      response = describeError(error);
    }
    if (socket.destroyed) return;
    socket.write(`${JSON.stringify(response)}\n`, () => {
      if (method === "stop" && response.ok) stop();
    });
  }
}

function describeError(error: unknown): ControlResponse {
  const message = error instanceof Error ? error.message : String(error);
  if (error instanceof YarrowError) return { ok: false, code: error.code, message, hint: error.hint };
  return { ok: false, code: undefined, message, hint: undefined };
}

interface Asker {
  /** Aborted when it hangs up. */
  readonly signal: AbortSignal;
  readonly onProgress: (progress: ControlProgress["progress"]) => void;
  readonly upload: Upload;
}

type Handlers = {
  readonly [M in ControlMethod]: (
    peer: Peer,
    params: Params,
    asker: Asker,
  ) => Promise<ControlMethods[M]["result"]> | ControlMethods[M]["result"];
};

const HANDLERS: Handlers = {
  status: (peer) => peer.status(),
  documents: (peer, params) =>
    peer.documents(params.documents()).map(({ changedAt, ...info }) => ({ ...info, changedAtMs: changedAt.getTime() })),
  show: async (peer, params) => {
    const detail = await peer.show(params.text("name"), params.show());
    return detail === undefined ? null : { ...detail, update: Buffer.from(detail.update).toString("base64") };
  },
  query: (peer, params, { signal }) =>
    peer.query(params.text("sql"), params.queryParams(), {
      timeoutMs: params.optionalNumber("timeoutMs"),
      maxRows: params.optionalNumber("maxRows"),
      after: params.optionalText("after"),
      signal,
    }),
  "query.rebuild": (peer) => {
    peer.rebuildProjection();
    return null;
  },
  append: (peer, params, { signal }) =>
    appendText(peer, {
      name: params.text("name"),
      root: params.text("root"),
      line: params.text("line"),
      copies: params.optionalNumber("copies"),
      timeoutMs: params.optionalNumber("timeoutMs"),
      signal,
    }),
  wait: async (peer, params, { signal }) => {
    const timeoutMs = params.optionalNumber("timeoutMs");
    await peer.waitFor(params.text("token"), { signal, ...(timeoutMs === undefined ? {} : { timeoutMs }) });
    return null;
  },
  "past.show": async (peer, params) =>
    packDetail(await peer.at(params.number("atMs")).open(params.text("name"), params.show())),
  history: async (peer, params) => {
    const history = await peer.history(params.text("name"), {
      limit: params.optionalNumber("limit"),
      before: params.optionalNumber("before"),
      togetherMs: params.optionalNumber("togetherMs"),
    });
    return history === undefined ? null : packHistory(history);
  },
  revert: (peer, params, { signal }) =>
    peer.revert(params.text("name"), params.number("atMs"), {
      principal: params.optionalText("principal"),
      timeoutMs: params.optionalNumber("timeoutMs"),
      signal,
    }),
  delete: (peer, params) => peer.delete(params.text("name")),
  verify: (peer, params, { signal }) => {
    const timeoutMs = params.optionalNumber("timeoutMs");
    const deep = params.optionalFlag("deep") ?? false;
    return peer.verify({ deep, signal, ...(timeoutMs === undefined ? {} : { timeoutMs }) });
  },
  import: async (peer, params, { upload, signal }) => {
    upload.add(params.text("part"));
    if (params.optionalFlag("last") !== true) return null;
    const timeoutMs = params.optionalNumber("timeoutMs");
    await peer.importUpdate(params.text("name"), upload.take(), { timeoutMs, signal });
    return null;
  },
  backup: (peer, params, { signal, onProgress }) =>
    peer.backup(params.text("file"), {
      maxBytesPerSecond: params.optionalNumber("maxBytesPerSecond"),
      force: params.optionalFlag("force"),
      signal,
      onProgress,
    }),
  compact: (peer) => peer.compact(),
  "role.set": async (peer, params) => {
    await peer.setRole(params.text("role") as Role);
    return null;
  },
  "links.list": (peer) => peer.status().links,
  "links.pause": async (peer, params) => {
    await peer.pauseLinks(true, params.optionalText("peer"));
    return null;
  },
  "links.resume": async (peer, params) => {
    await peer.pauseLinks(false, params.optionalText("peer"));
    return null;
  },
  "links.limit": async (peer, params) => {
    await peer.limitLink(params.text("peer"), params.optionalNumber("bytesPerSecond"));
    return null;
  },
  quarantine: (peer) => peer.quarantined(),
  "quarantine.release": (peer, params) => peer.release(params.text("name")),
  stop: () => null,
};

async function call(peer: Peer, request: ControlRequest, asker: Asker): Promise<unknown> {
  if (!Object.hasOwn(HANDLERS, request.method)) {
    throw new YarrowError("YARROW_CONFIG_INVALID", `this peer knows no command "${request.method}"`, {
      hint: "The running peer and the command are of different releases.",
    });
  }
  return HANDLERS[request.method as ControlMethod](peer, new Params(request.params), asker);
}

/** What came with a request; checked, because another release may have sent it. Throws YARROW_CONFIG_INVALID. */
class Params {
  readonly #values: Readonly<Record<string, unknown>>;

  constructor(params: unknown) {
    this.#values = typeof params === "object" && params !== null ? { ...params } : {};
  }

  text(name: string): string {
    const value = this.optionalText(name);
    if (value === undefined) throw invalid(name, "a string");
    return value;
  }

  optionalText(name: string): string | undefined {
    const value = this.#values[name];
    if (value === undefined || value === null || typeof value === "string") return value ?? undefined;
    throw invalid(name, "a string");
  }

  number(name: string): number {
    const value = this.optionalNumber(name);
    if (value === undefined) throw invalid(name, "a number");
    return value;
  }

  optionalNumber(name: string): number | undefined {
    const value = this.#values[name];
    if (value === undefined || value === null || typeof value === "number") return value ?? undefined;
    throw invalid(name, "a number");
  }

  optionalFlag(name: string): boolean | undefined {
    const value = this.#values[name];
    if (value === undefined || value === null || typeof value === "boolean") return value ?? undefined;
    throw invalid(name, "true or false");
  }

  /** What they may be is the query's own concern. */
  queryParams(): QueryParams | undefined {
    return this.#values["params"] as QueryParams | undefined;
  }

  documents(): ListOptions {
    const query = {
      prefix: this.optionalText("prefix"),
      after: this.optionalText("after"),
      limit: this.optionalNumber("limit"),
      deleted: this.optionalFlag("deleted"),
    };
    return Object.fromEntries(Object.entries(query).filter(([, value]) => value !== undefined));
  }

  show(): ShowOptions {
    const value = this.#values["as"];
    if (value === undefined || value === null) return {};
    const { root, kind } = value as { readonly root?: unknown; readonly kind?: unknown };
    if (typeof root === "string" && isRootKind(kind)) return { as: { root, kind } };
    throw invalid("as", "a root's name with its kind, which is text, map, array or xml");
  }
}

function isRootKind(value: unknown): value is RootContent["kind"] {
  return value === "text" || value === "map" || value === "array" || value === "xml";
}

function invalid(name: string, wanted: string): YarrowError {
  return new YarrowError("YARROW_CONFIG_INVALID", `${name} must be ${wanted}`);
}
