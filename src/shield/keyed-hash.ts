/**
 * HalfSipHash-2-4 with 64 bits of output (Aumasson, Bernstein 2012): a hash whose collisions cannot be sought without
 * the key, so that nobody can aim at a slot of a table.
 */
export class KeyedHash {
	readonly #key0: number;
	readonly #key1: number;
	/** The two words of the last `of`. */
	high = 0;
	low = 0;

	/** @param key 8 random bytes. */
	constructor(key: Uint8Array) {
		const view = new DataView(key.buffer, key.byteOffset, 8);
		this.#key0 = view.getUint32(0, true);
		this.#key1 = view.getUint32(4, true);
	}

	/** Hashes five words into `high` and `low`, unsigned; allocates nothing. */
	of(word0: number, word1: number, word2: number, word3: number, word4: number): void {
		let v0 = this.#key0;
		let v1 = this.#key1 ^ 0xee;
		let v2 = 0x6c796765 ^ this.#key0;
		let v3 = 0x74656462 ^ this.#key1;
		// Six words go in: the five, and one that holds the length, 20 bytes. Two come out.
		for (let step = 0; step < 8; step += 1) {
			const word =
				step === 0
					? word0
					: step === 1
						? word1
						: step === 2
							? word2
							: step === 3
								? word3
								: step === 4
									? word4
									: step === 5
										? 20 << 24
										: 0;
			v3 ^= word;
			if (step === 6) v2 ^= 0xee;
			if (step === 7) v1 ^= 0xdd;
			for (let rounds = step < 6 ? 2 : 4; rounds > 0; rounds -= 1) {
				v0 = (v0 + v1) | 0;
				v1 = ((v1 << 5) | (v1 >>> 27)) ^ v0;
				v0 = (v0 << 16) | (v0 >>> 16);
				v2 = (v2 + v3) | 0;
				v3 = ((v3 << 8) | (v3 >>> 24)) ^ v2;
				v0 = (v0 + v3) | 0;
				v3 = ((v3 << 7) | (v3 >>> 25)) ^ v0;
				v2 = (v2 + v1) | 0;
				v1 = ((v1 << 13) | (v1 >>> 19)) ^ v2;
				v2 = (v2 << 16) | (v2 >>> 16);
			}
			v0 ^= word;
			if (step === 6) this.low = (v1 ^ v3) >>> 0;
			if (step === 7) this.high = (v1 ^ v3) >>> 0;
		}
	}
}
