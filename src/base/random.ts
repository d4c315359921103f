import { randomBytes } from "node:crypto";

/** Source of randomness; composition roots pass `systemRandom`, tests `seededRandom(seed)`. */
export type Random = {
	/** `count` bytes. Only `systemRandom`'s are fit for secrets. */
	bytes(count: number): Uint8Array;
	/** A float in [0, 1). */
	unit(): number;
};

export const systemRandom: Random = {
	bytes: (count) => randomBytes(count),
	unit: () => randomBytes(6).readUIntBE(0, 6) / 2 ** 48,
};

/** mulberry32: reproducible, not secret. */
export function seededRandom(seed: number): Random {
	let state = seed >>> 0;
	const unit = () => {
		state = (state + 0x6d2b79f5) >>> 0;
		let t = Math.imul(state ^ (state >>> 15), 1 | state);
		t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
		return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
	};
	return { unit, bytes: (count) => Uint8Array.from({ length: count }, () => Math.floor(unit() * 256)) };
}

/** `byteCount` random bytes in base64url: 16 bytes are 22 characters, 128 bits. */
export function randomToken(random: Random, byteCount: number): string {
	return Buffer.from(random.bytes(byteCount)).toString("base64url");
}
