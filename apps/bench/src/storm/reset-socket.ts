/** Ends a connection with a reset. */
import type { Socket } from "node:net";

/**
 * Where a reset is not to be had, the socket is closed: Node cannot reset one whose own end is under way, and never lets go of it after
 * it tried, so that the process spins when it should end (seen in 24.21; `uv_shutdown` and `uv_tcp_close_reset` do not mix).
 * One that is being connected would remember each call until it is.
 */
export function resetSocket(socket: Socket): void {
  if (socket.writableEnded || socket.connecting) socket.destroy();
  else socket.resetAndDestroy();
}
