/**
 * Which process is at the other end of a loopback connection. Every peer dials the one address that a peer announces, so the port
 * that was dialled says only who was meant; what tells the links of a peer apart is who dialled. Linux only: from `/proc`.
 */
import { readFileSync, readdirSync, readlinkSync } from "node:fs";

/** Columns of `/proc/net/tcp`: number, local address, remote address, … */
const LOCAL = 1;
const REMOTE = 2;
const INODE = 9;

/** The one of `pids` that holds the end of a connection from `localPort` to `remotePort`; undefined when it is gone already. */
export function ownerOf(localPort: number, remotePort: number, pids: Iterable<number>): number | undefined {
  const inode = inodeOf(readFileSync("/proc/net/tcp", "utf8"), localPort, remotePort);
  if (inode === undefined) return undefined;
  const wanted = `socket:[${inode}]`;
  for (const pid of pids) if (holds(pid, wanted)) return pid;
  return undefined;
}

/** Finds a connection in the text of `/proc/net/tcp`. An inode of 0 is a socket that no process holds any more. */
function inodeOf(table: string, localPort: number, remotePort: number): string | undefined {
  const [local, remote] = [localPort, remotePort].map((port) => `:${port.toString(16).toUpperCase().padStart(4, "0")}`);
  for (const line of table.split("\n")) {
    const columns = line.trim().split(/\s+/u);
    if (!columns[LOCAL]?.endsWith(local!) || !columns[REMOTE]?.endsWith(remote!)) continue;
    const inode = columns[INODE];
    if (inode !== undefined && inode !== "0") return inode;
  }
  return undefined;
}

function holds(pid: number, wanted: string): boolean {
  try {
    const folder = `/proc/${pid}/fd`;
    return readdirSync(folder).some((name) => {
      try {
        return readlinkSync(`${folder}/${name}`) === wanted;
      } catch {
        return false;
      }
    });
  } catch {
    return false;
  }
}
