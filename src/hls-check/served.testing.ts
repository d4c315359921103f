/** A low-latency server in memory, in a time of its own, that can do one thing wrong. */
import type { Got, Net } from "./net.ts";

export type Fault =
	| "none"
	| "answers early"
	| "accepts a part alone"
	| "holds what is too far ahead"
	| "knows no part beyond the last"
	| "holds what is past"
	| "does not skip"
	| "skips too much"
	| "skips and changes"
	| "forgets the hinted part"
	| "has everything"
	| "lacks a segment"
	| "reports ahead"
	| "drops samples"
	| "shifts parts"
	| "tells wrong durations of segments"
	| "tells wrong durations of parts"
	| "compresses nothing"
	| "hides its type"
	| "is late";

const PART_MS = 1_000;
const PARTS = 4;
const WINDOW = 9;
/** Parts that exist at the beginning. */
const BEGUN = 50;
const EPOCH_MS = Date.UTC(2026, 0, 1, 20, 0, 0);

/** Moves its time on when everyone waits for something. */
export class FakeNet implements Net {
	readonly #fault: Fault;
	readonly #waiting: { readonly dueMs: number; readonly go: () => void }[] = [];
	#nowMs = 0;
	#isTurning = false;

	constructor(fault: Fault) {
		this.#fault = fault;
	}

	nowMs(): number {
		return this.#nowMs;
	}

	sleep(ms: number): Promise<void> {
		return this.#until(this.#nowMs + ms);
	}

	async get(url: string): Promise<Got> {
		const sentMs = this.#nowMs;
		const { status, body, readyMs, type } = this.#answer(new URL(url));
		await this.#until(Math.max(sentMs, readyMs) + 5);
		const isText = typeof body === "string";
		return {
			url,
			status,
			type: type ?? (isText ? "application/vnd.apple.mpegurl" : "audio/mp4"),
			encoding: isText && this.#fault !== "compresses nothing" ? "gzip" : "",
			bytes: Buffer.from(isText ? this.#textAt(url) : body),
			error: "",
			sentMs,
			doneMs: this.#nowMs,
		};
	}

	#until(dueMs: number): Promise<void> {
		return new Promise((go) => {
			this.#waiting.push({ dueMs, go });
			this.#turn();
		});
	}

	#turn(): void {
		if (this.#isTurning) return;
		this.#isTurning = true;
		setImmediate(() => {
			this.#isTurning = false;
			const next = this.#waiting.sort((a, b) => a.dueMs - b.dueMs).shift();
			if (!next) return;
			this.#nowMs = Math.max(this.#nowMs, next.dueMs);
			next.go();
			if (this.#waiting.length > 0) this.#turn();
		});
	}

	/** Parts made so far. */
	#made(): number {
		const made = BEGUN + Math.floor(this.#nowMs / PART_MS);
		return this.#fault === "is late" && this.#nowMs % 6_000 < 1_700
			? Math.min(made, BEGUN + 6 * Math.floor(this.#nowMs / 6_000) - 1)
			: made;
	}

	#readyMs(part: number): number {
		return (part - BEGUN + 1) * PART_MS + (this.#fault === "is late" ? 700 : 0);
	}

	#answer(url: URL): { status: number; body: string | Buffer; readyMs: number; type?: string } {
		const fault = this.#fault;
		const nothing = { status: fault === "has everything" ? 200 : 404, body: Buffer.from("?"), readyMs: 0 };
		const [, name = ""] = /([^/]*)$/.exec(url.pathname) ?? [];
		const [, number] = /^p?(\d+)\.m4s$/.exec(name) ?? [];
		if (name === "init.mp4") return { status: 200, body: INIT, readyMs: 0 };
		if (number !== undefined && name.startsWith("p")) {
			const part = Number(number);
			if (fault === "forgets the hinted part" && part >= this.#made()) return nothing;
			return { status: 200, body: this.#part(part), readyMs: this.#readyMs(part) };
		}
		if (number !== undefined) {
			if (fault === "lacks a segment" && Number(number) % 3 === 0) return nothing;
			return { status: 200, body: this.#segment(Number(number)), readyMs: 0 };
		}
		if (!/^[ab]\.(m3u8|txt)$/.test(name)) return nothing;
		const type = fault === "hides its type" ? { type: "text/plain" } : {};
		const ok = (readyMs: number) => ({ status: 200, body: "playlist", readyMs, ...type });
		const refused = { status: 400, body: Buffer.from("no"), readyMs: 0 };
		const read = (key: string) => (url.searchParams.has(key) ? Number(url.searchParams.get(key)) : undefined);
		const [sequence, part] = [read("_HLS_msn"), read("_HLS_part")];
		if (sequence === undefined) return part === undefined || fault === "accepts a part alone" ? ok(0) : refused;
		const open = Math.floor(this.#made() / PARTS);
		if (sequence > open + 1)
			return fault === "holds what is too far ahead" ? { ...refused, readyMs: this.#nowMs + 12_000 } : refused;
		if (fault === "knows no part beyond the last" && part === PARTS) return refused;
		if (fault === "holds what is past" && sequence < open - 3) return ok(this.#nowMs + 5_000);
		if (fault === "answers early") return ok(0);
		return ok(this.#readyMs(sequence * PARTS + (part ?? PARTS - 1)));
	}

	#textAt(address: string): string {
		const fault = this.#fault;
		const url = new URL(address);
		const made = this.#made();
		const wholes = Math.floor(made / PARTS);
		const first = Math.max(0, wholes - WINDOW);
		const canSkip = url.searchParams.has("_HLS_skip") && fault !== "does not skip";
		const openS = ((made % PARTS) * PART_MS) / 1_000;
		const due = Array.from({ length: wholes - first }, (_, i) => (wholes - first - 1 - i) * 4 + openS).filter(
			(s) => s > 24,
		).length;
		const skipped = canSkip ? due + (fault === "skips too much" ? 2 : 0) : 0;
		const lines = ["#EXTM3U", `#EXT-X-VERSION:${skipped > 0 ? 9 : 6}`, "#EXT-X-TARGETDURATION:4"];
		lines.push(
			"#EXT-X-SERVER-CONTROL:CAN-BLOCK-RELOAD=YES,CAN-SKIP-UNTIL=24,PART-HOLD-BACK=3",
			"#EXT-X-PART-INF:PART-TARGET=1",
		);
		lines.push(`#EXT-X-MEDIA-SEQUENCE:${first}`, '#EXT-X-MAP:URI="init.mp4"');
		if (skipped > 0) lines.push(`#EXT-X-SKIP:SKIPPED-SEGMENTS=${skipped}`);
		for (let sequence = first + skipped; sequence * PARTS < made; sequence += 1) {
			const isChanged = fault === "skips and changes" && skipped > 0;
			const off = isChanged ? 10 : 0;
			lines.push(`#EXT-X-PROGRAM-DATE-TIME:${new Date(EPOCH_MS + sequence * 4_000 + off).toISOString()}`);
			const isWhole = sequence < wholes;
			const told = fault === "tells wrong durations of parts" ? 0.9 : 1;
			for (
				let part = sequence * PARTS;
				sequence >= wholes - 2 && part < Math.min(made, (sequence + 1) * PARTS);
				part += 1
			) {
				lines.push(`#EXT-X-PART:DURATION=${told},URI="p${part}.m4s"`);
			}
			const length =
				fault === "tells wrong durations of segments" ? 3.9 : fault === "tells wrong durations of parts" ? 3.6 : 4;
			if (isWhole) lines.push(`#EXTINF:${length.toFixed(1)},`, `${sequence}.m4s`);
		}
		lines.push(`#EXT-X-PRELOAD-HINT:TYPE=PART,URI="p${made}.m4s"`);
		const other = url.pathname.includes("/a.") ? "b" : "a";
		const newest = made - 1 + (fault === "reports ahead" ? 2 : 0);
		lines.push(
			`#EXT-X-RENDITION-REPORT:URI="${other}.m3u8",LAST-MSN=${Math.floor(newest / PARTS)},LAST-PART=${newest % PARTS}`,
		);
		return `${lines.join("\n")}\n`;
	}

	#part(part: number): Buffer {
		return fragment((part + (this.#fault === "shifts parts" && part % 4 === 2 ? 0.1 : 0)) * PART_MS, 10);
	}

	#segment(sequence: number): Buffer {
		const parts = Array.from({ length: PARTS }, (_, i) => fragment((sequence * PARTS + i) * PART_MS, 10));
		return Buffer.concat(
			this.#fault === "drops samples"
				? parts.slice(0, 3).concat(fragment((sequence * PARTS + 3) * PART_MS, 9.8))
				: parts,
		);
	}
}

const box = (type: string, ...bodies: readonly Buffer[]) => {
	const body = Buffer.concat(bodies);
	const head = Buffer.alloc(8);
	head.writeUInt32BE(8 + body.length);
	head.write(type, 4, "latin1");
	return Buffer.concat([head, body]);
};
const words = (...values: readonly number[]) => {
	const bytes = Buffer.alloc(4 * values.length);
	for (const [nth, value] of values.entries()) bytes.writeUInt32BE(value, 4 * nth);
	return bytes;
};
/** 1,000 ticks per second, 100 ticks per sample. */
const INIT = box(
	"moov",
	box("trak", box("mdia", box("mdhd", words(0, 0, 0, 1_000, 0, 0)))),
	box("mvex", box("trex", words(0, 1, 1, 100, 0, 0))),
);

/** A moof of `samples` samples of 100 ticks; a fraction makes the last two shorter by it. */
function fragment(fromTicks: number, samples: number): Buffer {
	const count = Math.floor(samples);
	const ticks = Array.from({ length: count }, () => 100);
	const tfdt = box("tfdt", words(0x01000000, 0, Math.round(fromTicks)));
	const trun = box("trun", words(0x100, count, ...ticks));
	return box("moof", box("traf", box("tfhd", words(0, 1)), tfdt, trun));
}
