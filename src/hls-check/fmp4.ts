/** Times of the samples in fragmented MP4 (ISO/IEC 14496-12), of the first track. Anything else is read as nothing. */
export type Times = { readonly fromS: number; readonly durationS: number; readonly samples: number };

type Box = { readonly type: string; readonly body: Buffer };

function* boxes(bytes: Buffer): Generator<Box> {
	for (let at = 0; at + 8 <= bytes.length; ) {
		const size = bytes.readUInt32BE(at);
		if (size < 8 || at + size > bytes.length) return;
		yield { type: bytes.toString("latin1", at + 4, at + 8), body: bytes.subarray(at + 8, at + size) };
		at += size;
	}
}

function find(bytes: Buffer, ...path: readonly string[]): Buffer | undefined {
	const [type, ...rest] = path;
	if (type === undefined) return bytes;
	for (const box of boxes(bytes)) if (box.type === type) return find(box.body, ...rest);
	return undefined;
}

/** What an init section says: ticks per second, and the duration of a sample that does not tell its own. */
export type Clock = { readonly ticksPerS: number; readonly sampleTicks: number };

export function clockOf(init: Buffer): Clock | undefined {
	const mdhd = find(init, "moov", "trak", "mdia", "mdhd");
	const trex = find(init, "moov", "mvex", "trex");
	if (!mdhd || mdhd.length < 20) return undefined;
	const ticksPerS = mdhd.readUInt32BE(mdhd[0] === 1 ? 20 : 12);
	return { ticksPerS, sampleTicks: trex && trex.length >= 16 ? trex.readUInt32BE(12) : 0 };
}

/** @returns undefined when the bytes hold no fragment with a time. */
export function timesOf(bytes: Buffer, clock: Clock): Times | undefined {
	let fromTicks: number | undefined;
	let ticks = 0;
	let samples = 0;
	for (const { type, body } of boxes(bytes)) {
		if (type !== "moof") continue;
		const traf = find(body, "traf");
		const tfdt = traf && find(traf, "tfdt");
		if (!traf || !tfdt || tfdt.length < 8) return undefined;
		fromTicks ??= tfdt[0] === 1 ? Number(tfdt.readBigUInt64BE(4)) : tfdt.readUInt32BE(4);
		const byDefault = defaultTicksOf(traf) ?? clock.sampleTicks;
		for (const box of boxes(traf)) {
			if (box.type !== "trun") continue;
			const counted = countTrun(box.body, byDefault);
			ticks += counted.ticks;
			samples += counted.samples;
		}
	}
	if (fromTicks === undefined || clock.ticksPerS === 0) return undefined;
	return { fromS: fromTicks / clock.ticksPerS, durationS: ticks / clock.ticksPerS, samples };
}

/** default_sample_duration of a tfhd. */
function defaultTicksOf(traf: Buffer): number | undefined {
	const tfhd = find(traf, "tfhd");
	if (!tfhd || tfhd.length < 8) return undefined;
	const flags = tfhd.readUInt32BE(0) & 0xffffff;
	if (!(flags & 0x8)) return undefined;
	const at = 8 + (flags & 0x1 ? 8 : 0) + (flags & 0x2 ? 4 : 0);
	return at + 4 <= tfhd.length ? tfhd.readUInt32BE(at) : undefined;
}

function countTrun(trun: Buffer, byDefault: number): { ticks: number; samples: number } {
	const flags = trun.readUInt32BE(0) & 0xffffff;
	const samples = trun.readUInt32BE(4);
	if (!(flags & 0x100)) return { ticks: samples * byDefault, samples };
	const from = 8 + (flags & 0x1 ? 4 : 0) + (flags & 0x4 ? 4 : 0);
	const bytesEach = 4 * [0x100, 0x200, 0x400, 0x800].filter((bit) => flags & bit).length;
	let ticks = 0;
	for (let i = 0; i < samples && from + i * bytesEach + 4 <= trun.length; i += 1)
		ticks += trun.readUInt32BE(from + i * bytesEach);
	return { ticks, samples };
}
