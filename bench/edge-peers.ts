/** What the edge is compared with, started on this machine beside it and fed sound of the same size in the same rhythm. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { chmod, mkdir, writeFile } from "node:fs/promises";
import { connect, createServer } from "node:net";
import { join } from "node:path";
import { everyMs, systemClock } from "#base/index.ts";
import { oggHead, oggPage } from "#broadcast/ogg.ts";
import { REAL_BYTES } from "#edge/fakes.ts";
import { BEAT_MS, FRAME_SAMPLES, OPUS_FRAMES_PER_PART, PARTS_PER_BEAT } from "#wire/index.ts";
import { findTool } from "../test/support/tools.ts";
import type { Tools } from "./edge-clients.ts";

export type Peer = AsyncDisposable & {
	readonly name: string;
	readonly port: number;
	readonly path: string;
	readonly pid: number;
};

/** A loop in C that only sends: the kernel's part of a push. */
export async function openReference(tools: Tools, bytesPerWrite: number, intervalMs: number): Promise<Peer> {
	const port = await freePort();
	const child = spawn(tools.reference, [port, intervalMs, bytesPerWrite].map(String), { stdio: "ignore" });
	await listening(port, child, "the reference");
	return { name: "C", port, path: "/", pid: child.pid as number, [Symbol.asyncDispose]: () => ended(child) };
}

/** AAC frames of 1,024 samples. */
const AAC_FRAME_MS = (1_024 * 1_000) / 48_000;
const AAC_FRAME_BYTES = Math.round(REAL_BYTES.adts / 15);
const OPUS_PACKETS = OPUS_FRAMES_PER_PART * PARTS_PER_BEAT;

/**
 * Icecast with one source: `ogg`, a page of Opus per beat, which is the best that can happen to it, or `aac`, frame by
 * frame as encoders send.
 *
 * @returns undefined, and says why, when it is not installed.
 */
export async function openIcecast(
	kind: "ogg" | "aac",
	directory: string,
	say: (text: string) => void,
): Promise<Peer | undefined> {
	if (!findTool("icecast2")) {
		say("no comparison with Icecast: it is not installed (Debian: apt-get install icecast2)");
		return undefined;
	}
	const port = await freePort();
	const own = join(directory, `icecast-${kind}`);
	await mkdir(own);
	await Promise.all([chmod(directory, 0o755), chmod(own, 0o777)]);
	const config = join(own, "icecast.xml");
	const user = process.getuid?.() === 0 ? "<changeowner><user>icecast2</user><group>icecast</group></changeowner>" : "";
	await writeFile(
		config,
		`<icecast><location>here</location><admin>nobody@localhost</admin>
<limits><clients>25000</clients><sources>2</sources><queue-size>524288</queue-size><client-timeout>30</client-timeout><header-timeout>15</header-timeout><source-timeout>20</source-timeout><burst-on-connect>0</burst-on-connect><burst-size>32768</burst-size></limits>
<authentication><source-password>bench</source-password><relay-password>bench</relay-password><admin-user>bench</admin-user><admin-password>bench</admin-password></authentication>
<hostname>localhost</hostname><listen-socket><port>${port}</port><bind-address>127.0.0.1</bind-address></listen-socket>
<paths><basedir>/usr/share/icecast2</basedir><logdir>${own}</logdir><webroot>/usr/share/icecast2/web</webroot><adminroot>/usr/share/icecast2/admin</adminroot></paths>
<logging><accesslog>access.log</accesslog><errorlog>error.log</errorlog><loglevel>1</loglevel></logging>
<security><chroot>0</chroot>${user}</security></icecast>\n`,
	);
	const child = spawn("icecast2", ["-c", config], { stdio: "ignore" });
	await listening(port, child, "Icecast");
	const source = connect(port, "127.0.0.1");
	source.on("error", () => {});
	const path = kind === "ogg" ? "/live.ogg" : "/live.aac";
	const type = kind === "ogg" ? "application/ogg" : "audio/aac";
	const right = Buffer.from("source:bench").toString("base64");
	source.write(
		`PUT ${path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Basic ${right}\r\nContent-Type: ${type}\r\n\r\n`,
	);
	const answer = String(await once(source, "data"));
	if (!/^HTTP\/1\.. (100|200)/.test(answer)) throw new Error(`Cannot feed Icecast: it says ${answer.split("\r\n")[0]}`);
	source.resume();
	const feeding = kind === "ogg" ? feedOgg((bytes) => source.write(bytes)) : feedAac((bytes) => source.write(bytes));
	return {
		name: kind === "ogg" ? "Icecast, a page per beat" : "Icecast, AAC",
		port,
		path,
		pid: child.pid as number,
		async [Symbol.asyncDispose]() {
			feeding[Symbol.dispose]();
			source.destroy();
			await ended(child);
		},
	};
}

function feedOgg(write: (bytes: Buffer) => void): Disposable {
	write(oggHead(1, []));
	let sequence = 2;
	// A page of the size that ours has: 27 bytes of head and one lacing value per packet.
	const packet = Buffer.alloc(Math.round((REAL_BYTES.ogg48 - 27) / OPUS_PACKETS) - 1, 0x78);
	const page = () => {
		const granule = (sequence - 1) * OPUS_PACKETS * FRAME_SAMPLES;
		write(oggPage(1, sequence, 0, granule, Array<Buffer>(OPUS_PACKETS).fill(packet)));
		sequence += 1;
	};
	page();
	return everyMs(systemClock, BEAT_MS, page);
}

function feedAac(write: (bytes: Buffer) => void): Disposable {
	const frame = Buffer.alloc(AAC_FRAME_BYTES, 0x5a);
	// An ADTS head (ISO/IEC 13818-7 §6.2): AAC-LC, 48 kHz, mono.
	frame.set([
		0xff,
		0xf1,
		0x4c,
		0x40 | (AAC_FRAME_BYTES >> 11),
		(AAC_FRAME_BYTES >> 3) & 0xff,
		((AAC_FRAME_BYTES & 7) << 5) | 0x1f,
		0xfc,
	]);
	return everyMs(systemClock, AAC_FRAME_MS, () => write(frame));
}

export async function freePort(): Promise<number> {
	const server = createServer().listen(0, "127.0.0.1");
	await once(server, "listening");
	const address = server.address();
	server.close();
	await once(server, "close");
	return address && typeof address === "object" ? address.port : 0;
}

/** Resolves once a program answers on `port`. */
export async function listening(port: number, child: ChildProcess, name: string): Promise<void> {
	for (let attempt = 0; attempt < 100; attempt += 1) {
		if (child.exitCode !== null) throw new Error(`Cannot start ${name}: it ended with ${child.exitCode}`);
		const socket = connect(port, "127.0.0.1");
		const open = await Promise.race([
			once(socket, "connect").then(() => true),
			once(socket, "error").then(
				() => false,
				() => false,
			),
		]).catch(() => false);
		socket.destroy();
		if (open) return;
		await new Promise((resolve) => setTimeout(resolve, 50));
	}
	throw new Error(`Cannot start ${name}: nothing listens on port ${port} after 5 s`);
}

export async function ended(child: ChildProcess): Promise<void> {
	if (child.exitCode !== null || child.signalCode !== null) return;
	const exit = once(child, "exit");
	child.kill("SIGKILL");
	await exit;
}
