/**
 * Reads the log of `strace -f -y`: which bytes were appended to the write-ahead log, when it was synced to disk, and when bytes
 * left on a socket. A call that another thread interrupts is logged in two parts; its end is where the second part stands.
 */

export interface SystemCall {
  readonly name: string;
  /** What the first argument's descriptor stands for: a path, or `TCP:[...]`, `socket:[...]`. */
  readonly target: string;
  readonly text: string;
  /** Lines of the log at which the call began and returned. */
  readonly beganAt: number;
  readonly endedAt: number;
}

const BEGUN = /^(?<pid>\d+)\s+(?<name>\w+)\(\d+<(?<target>.*?)>(?:[,)]| <unfinished)/u;
const RESUMED = /^(?<pid>\d+)\s+<\.\.\. (?<name>\w+) resumed>/u;

export function readSystemCalls(log: string): SystemCall[] {
  const calls: SystemCall[] = [];
  const openByThread = new Map<string, { name: string; target: string; text: string; beganAt: number }>();
  log.split("\n").forEach((line, at) => {
    const resumed = RESUMED.exec(line)?.groups;
    if (resumed !== undefined) {
      const key = `${resumed["pid"]} ${resumed["name"]}`;
      const open = openByThread.get(key);
      openByThread.delete(key);
      if (open !== undefined) calls.push({ ...open, endedAt: at });
      return;
    }
    const begun = BEGUN.exec(line)?.groups;
    if (begun === undefined) return;
    const call = { name: begun["name"] ?? "", target: begun["target"] ?? "", text: line, beganAt: at };
    if (line.includes("<unfinished ...>")) openByThread.set(`${begun["pid"]} ${call.name}`, call);
    else calls.push({ ...call, endedAt: at });
  });
  return calls.sort((a, b) => a.beganAt - b.beganAt);
}

/** Where one write stands in the log. */
export interface WriteOrder {
  readonly appended: boolean;
  readonly synced: boolean;
  readonly echoed: boolean;
  /** The sync had returned before the first byte of the echo was handed to the system. */
  readonly inOrder: boolean;
}

/** Follows the bytes of `token`: appended to a write-ahead log, that log synced, and only then sent on a socket. */
export function orderOf(calls: readonly SystemCall[], token: string): WriteOrder {
  const carrying = calls.filter((call) => call.text.includes(token));
  const append = carrying.find((call) => call.target.endsWith("-wal"));
  const echo = carrying.find((call) => /^(?:TCP|socket)/u.test(call.target));
  const sync =
    append && calls.find((call) => isSync(call) && call.target === append.target && call.beganAt > append.endedAt);
  return {
    appended: append !== undefined,
    synced: sync !== undefined,
    echoed: echo !== undefined,
    inOrder: sync !== undefined && echo !== undefined && sync.endedAt < echo.beganAt,
  };
}

function isSync(call: SystemCall): boolean {
  return call.name === "fdatasync" || call.name === "fsync";
}
