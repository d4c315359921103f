/** The thread behind `unread-watch.ts`: reads the kernel's socket tables, so that the loop that writes sound never does. */
import { closeSync, openSync, readFileSync, readSync } from "node:fs";
import { parentPort, workerData } from "node:worker_threads";
import { PIECE_BYTES, QueueReader } from "./socket-queues.ts";
import { LOOK_EVERY_MS, ScanPlan, tcpMemory, type UnreadFound, type UnreadTask } from "./unread-scan.ts";

const { port, tables, bytesMin, peersMax } = workerData as UnreadTask;
const piece = Buffer.allocUnsafe(PIECE_BYTES);
const plan = new ScanPlan();

const look = () => {
	const nowMs = performance.now();
	if (!plan.isDue(tcpMemory(readFileSync("/proc/net/sockstat", "latin1")), nowMs)) return;
	const found: UnreadFound = [];
	for (const table of tables) scan(table, found);
	plan.done(nowMs, performance.now());
	parentPort?.postMessage(found);
};

function scan(table: string, found: UnreadFound): void {
	const reader = new QueueReader(port, bytesMin, (peer, bytes) => {
		if (found.length < peersMax) found.push([peer, bytes]);
	});
	const file = openSync(table, "r");
	try {
		for (let got = readSync(file, piece); got > 0; got = readSync(file, piece)) reader.push(piece.subarray(0, got));
	} finally {
		closeSync(file);
	}
}

parentPort?.on("message", (isAnyStalled: boolean) => {
	plan.isAnyStalled = isAnyStalled;
});
setInterval(look, LOOK_EVERY_MS);
