/** A strict reader of ICY metadata: what a radio client makes of our bytes. */

const TITLE = /^StreamTitle='([^]*)';$/;

/** Takes the bytes of a body as they come, apart into sound and titles. @throws RangeError where a block breaks a rule. */
export class IcyReader {
	readonly #metaint: number;
	#sound: Buffer[] = [];
	#waiting: Buffer = Buffer.alloc(0);
	/** Bytes of sound until the next block. */
	#left: number;
	/** Each title that was set, and after how many bytes of sound. */
	readonly titles: { readonly atByte: number; readonly title: string }[] = [];
	/** Blocks, those that say nothing included. */
	blockCount = 0;
	soundBytes = 0;

	constructor(metaint: number) {
		if (!Number.isInteger(metaint) || metaint <= 0) throw new RangeError(`icy-metaint is ${metaint}`);
		this.#metaint = metaint;
		this.#left = metaint;
	}

	get sound(): Buffer {
		this.#sound = [Buffer.concat(this.#sound)];
		return this.#sound[0] as Buffer;
	}

	push(bytes: Buffer): void {
		this.#waiting = Buffer.concat([this.#waiting, bytes]);
		for (;;) {
			if (this.#left > 0) {
				const piece = this.#take(Math.min(this.#left, this.#waiting.length));
				if (piece.length === 0) return;
				this.#sound.push(piece);
				this.soundBytes += piece.length;
				this.#left -= piece.length;
				continue;
			}
			const units = this.#waiting[0];
			if (units === undefined || this.#waiting.length < 1 + 16 * units) return;
			this.#block(this.#take(1 + 16 * units).subarray(1));
			this.#left = this.#metaint;
		}
	}

	#take(count: number): Buffer {
		const taken = this.#waiting.subarray(0, count);
		this.#waiting = this.#waiting.subarray(count);
		return taken;
	}

	#block(block: Buffer): void {
		this.blockCount += 1;
		if (block.length === 0) return;
		const end = block.indexOf(0);
		const text = block.subarray(0, end < 0 ? block.length : end);
		if (block.subarray(text.length).some((byte) => byte !== 0)) throw new RangeError("bytes after the text");
		if (block.length - text.length >= 16) throw new RangeError("the block is longer than its text needs");
		const title = TITLE.exec(new TextDecoder("utf-8", { fatal: true }).decode(text))?.[1];
		if (title === undefined || title.includes("';")) throw new RangeError(`no title in ${text.toString()}`);
		this.titles.push({ atByte: this.soundBytes, title });
	}
}
