import type { Socket } from "node:net";

/**
 * Closes a TCP connection with a reset, now, whatever is unsent: the other side knows that this is not an end, and the
 * kernel forgets what it holds for one who does not read. `resetAndDestroy` alone waits until all has been sent.
 */
export function resetNow(socket: Socket): void {
	if (socket.destroyed) return;
	socket.resetAndDestroy();
	socket.destroy();
}
