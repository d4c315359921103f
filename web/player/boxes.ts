/**
 * Takes a stream of fragmented MP4 (ISO/IEC 14496-12) apart as it arrives: what the player appends, with the
 * samples it holds, and the states that ride along (`emsg`, ISO/IEC 23009-1 §5.10.3.3).
 */
export type StreamItem =
	/** ftyp + moov: before the first fragment, and again when the track changes. */
	| { readonly kind: "init"; readonly bytes: Uint8Array }
	/** moof + mdat, as received. */
	| { readonly kind: "fragment"; readonly fromSample: number; readonly sampleCount: number; readonly bytes: Uint8Array }
	/** A public state as JSON text, true from `atSample` on (0: at once). */
	| { readonly kind: "state"; readonly atSample: number; readonly json: string };

/** The largest box accepted: one part is about 2 KB, a state some 10 KB. A larger one makes the stream malformed. */
export const BOX_BYTES_MAX = 1_048_576;
const STATE_SCHEME = "urn:rostra:state";
/** The longest fragment accepted: one part is 0.32 s. */
const FRAGMENT_SAMPLES_MAX = 48_000 * 60;
/** Samples of one packet where no box says otherwise: 20 ms of Opus. */
const PACKET_SAMPLES_DEFAULT = 960;

export class MalformedStream extends Error {
	override readonly name = "MalformedStream";
}

/** Pure: bytes in, items out. Not usable after it has thrown. */
export class BoxReader {
	#waiting: Uint8Array[] = [];
	#waitingBytes = 0;
	#init: Uint8Array[] = [];
	#moof: { bytes: Uint8Array; fromSample: number; sampleCount: number } | undefined;
	#packetSamples = PACKET_SAMPLES_DEFAULT;

	/**
	 * @param bytes the next piece of the stream, of any length; kept, not copied.
	 * @returns what has become complete, in order.
	 * @throws MalformedStream when it is no fragmented MP4, or a box is larger than BOX_BYTES_MAX.
	 */
	feed(bytes: Uint8Array): StreamItem[] {
		if (bytes.length > 0) {
			this.#waiting.push(bytes);
			this.#waitingBytes += bytes.length;
		}
		const items: StreamItem[] = [];
		for (;;) {
			const box = this.#takeBox();
			if (!box) return items;
			const item = this.#read(box);
			if (item) items.push(item);
		}
	}

	/** Whether the stream may end here: nothing is half received. */
	get atRest(): boolean {
		return this.#waitingBytes === 0 && !this.#moof && this.#init.length === 0;
	}

	#takeBox(): Uint8Array | undefined {
		if (this.#waitingBytes < 8) return undefined;
		const head = this.#gather(8);
		const size = viewOf(head).getUint32(0);
		if (size < 8 || size > BOX_BYTES_MAX) {
			throw new MalformedStream(`Cannot read a box as its size must be from 8 to ${BOX_BYTES_MAX}: it says ${size}`);
		}
		if (this.#waitingBytes < size) return undefined;
		const all = this.#gather(size);
		const box = all.subarray(0, size);
		this.#waiting = all.length > size ? [all.subarray(size), ...this.#waiting.slice(1)] : this.#waiting.slice(1);
		this.#waitingBytes -= size;
		return box;
	}

	/** The first pieces as one of at least `length` bytes; joins only as many as it needs. */
	#gather(length: number): Uint8Array {
		const first = this.#waiting[0] as Uint8Array;
		if (first.length >= length) return first;
		let count = 0;
		let sum = 0;
		while (sum < length) sum += (this.#waiting[count++] as Uint8Array).length;
		const joined = new Uint8Array(sum);
		let at = 0;
		for (const piece of this.#waiting.splice(0, count)) {
			joined.set(piece, at);
			at += piece.length;
		}
		this.#waiting.unshift(joined);
		return joined;
	}

	#read(box: Uint8Array): StreamItem | undefined {
		const type = typeOf(box, 0);
		if (type === "mdat") {
			if (!this.#moof)
				throw new MalformedStream("Cannot read sound as a moof must come before its mdat: there was none");
			const { bytes, fromSample, sampleCount } = this.#moof;
			this.#moof = undefined;
			return { kind: "fragment", fromSample, sampleCount, bytes: join([bytes, box]) };
		}
		if (this.#moof) throw new MalformedStream(`Cannot read sound as a moof's mdat must follow it: ${type} came`);
		switch (type) {
			case "ftyp":
				this.#init = [box];
				return undefined;
			case "moov": {
				this.#packetSamples = defaultPacketSamples(box) ?? PACKET_SAMPLES_DEFAULT;
				const bytes = join([...this.#init, box]);
				this.#init = [];
				return { kind: "init", bytes };
			}
			case "moof":
				this.#moof = { bytes: box, ...timing(box, this.#packetSamples) };
				return undefined;
			case "emsg":
				return stateIn(box);
			default:
				// styp, sidx, prft, free …: nothing we need.
				return undefined;
		}
	}
}

function viewOf(bytes: Uint8Array): DataView {
	return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

function typeOf(bytes: Uint8Array, at: number): string {
	return String.fromCharCode(...bytes.subarray(at + 4, at + 8));
}

function join(pieces: readonly Uint8Array[]): Uint8Array {
	const out = new Uint8Array(pieces.reduce((sum, piece) => sum + piece.length, 0));
	let at = 0;
	for (const piece of pieces) {
		out.set(piece, at);
		at += piece.length;
	}
	return out;
}

/** The boxes inside `box`, whole, from `headBytes` on. */
function* inside(box: Uint8Array, headBytes = 8): Generator<Uint8Array> {
	let at = headBytes;
	while (at + 8 <= box.length) {
		const size = viewOf(box).getUint32(at);
		if (size < 8 || at + size > box.length) {
			throw new MalformedStream(`Cannot read ${typeOf(box, 0)} as a box in it must fit: one of ${size} bytes does not`);
		}
		yield box.subarray(at, at + size);
		at += size;
	}
}

function find(box: Uint8Array, ...path: string[]): Uint8Array | undefined {
	let here: Uint8Array | undefined = box;
	for (const type of path) {
		if (!here) return undefined;
		here = [...inside(here)].find((each) => typeOf(each, 0) === type);
	}
	return here;
}

/** trex default_sample_duration (§8.8.3). */
function defaultPacketSamples(moov: Uint8Array): number | undefined {
	const trex = find(moov, "mvex", "trex");
	return trex && trex.length >= 32 ? viewOf(trex).getUint32(20) || undefined : undefined;
}

/** First sample (tfdt, §8.8.12) and sum of durations (tfhd §8.8.7, trun §8.8.8) of a moof with one track. */
function timing(moof: Uint8Array, packetSamples: number): { fromSample: number; sampleCount: number } {
	const traf = find(moof, "traf");
	const tfdt = traf && find(traf, "tfdt");
	if (!traf || !tfdt || tfdt.length < 16) throw new MalformedStream("Cannot place a fragment as it must have a tfdt");
	const wide = tfdt[8] === 1;
	if (wide && tfdt.length < 20) throw new MalformedStream("Cannot place a fragment as its tfdt is cut short");
	const fromSample = wide ? Number(viewOf(tfdt).getBigUint64(12)) : viewOf(tfdt).getUint32(12);
	const tfhd = find(traf, "tfhd");
	const each = (tfhd && tfhdDuration(tfhd)) ?? packetSamples;
	let sampleCount = 0;
	for (const box of inside(traf)) if (typeOf(box, 0) === "trun") sampleCount += trunDuration(box, each);
	if (!Number.isSafeInteger(fromSample) || !(sampleCount > 0 && sampleCount <= FRAGMENT_SAMPLES_MAX)) {
		throw new MalformedStream(`Cannot place a fragment as it must hold from 1 to ${FRAGMENT_SAMPLES_MAX} samples`);
	}
	return { fromSample, sampleCount };
}

function flagsOf(box: Uint8Array): number {
	return viewOf(box).getUint32(8) & 0xffffff;
}

function tfhdDuration(tfhd: Uint8Array): number | undefined {
	if (tfhd.length < 16) throw new MalformedStream("Cannot read a tfhd as it is cut short");
	const flags = flagsOf(tfhd);
	if (!(flags & 0x8)) return undefined;
	const at = 16 + (flags & 0x1 ? 8 : 0) + (flags & 0x2 ? 4 : 0);
	return at + 4 <= tfhd.length ? viewOf(tfhd).getUint32(at) : undefined;
}

function trunDuration(trun: Uint8Array, each: number): number {
	if (trun.length < 16) throw new MalformedStream("Cannot read a trun as it is cut short");
	const view = viewOf(trun);
	const flags = flagsOf(trun);
	const count = view.getUint32(12);
	if (!(flags & 0x100)) return count * each;
	const stride = 4 * [0x100, 0x200, 0x400, 0x800].filter((bit) => flags & bit).length;
	let at = 16 + (flags & 0x1 ? 4 : 0) + (flags & 0x4 ? 4 : 0);
	if (at + count * stride > trun.length) throw new MalformedStream("Cannot read a trun as it is cut short");
	let sum = 0;
	for (let i = 0; i < count; i += 1, at += stride) sum += view.getUint32(at);
	return sum;
}

/** A state of ours in a version 1 emsg; undefined for other people's events. */
function stateIn(emsg: Uint8Array): StreamItem | undefined {
	const bodyAt = 12 + 4 + 8 + 4 + 4;
	if (emsg.length < bodyAt + 2 || emsg[8] !== 1) return undefined;
	const view = viewOf(emsg);
	const schemeEnd = emsg.indexOf(0, bodyAt);
	const valueEnd = schemeEnd < 0 ? -1 : emsg.indexOf(0, schemeEnd + 1);
	if (valueEnd < 0) return undefined;
	const text = new TextDecoder();
	if (text.decode(emsg.subarray(bodyAt, schemeEnd)) !== STATE_SCHEME) return undefined;
	const atSample = Number(view.getBigUint64(16));
	return { kind: "state", atSample, json: text.decode(emsg.subarray(valueEnd + 1)) };
}
