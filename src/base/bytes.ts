/**
 * Frames on a byte stream: a 32-bit big-endian length, then that many bytes.
 *
 * Pure core: feed it what the socket gave, take whole frames out. Memory is bounded by `frameBytesMax`
 * plus one chunk; a longer frame is refused with `RangeError`, after which the stream is unusable.
 */
export class FrameReader {
	readonly #frameBytesMax: number;
	#chunks: Uint8Array[] = [];
	#heldBytes = 0;

	constructor(frameBytesMax: number) {
		this.#frameBytesMax = frameBytesMax;
	}

	/** Yields each frame completed by `chunk`; frames may share memory with the chunks. */
	*push(chunk: Uint8Array): Generator<Buffer> {
		this.#chunks.push(chunk);
		this.#heldBytes += chunk.length;
		while (this.#heldBytes >= 4) {
			const head = this.#peek(4);
			const frameBytes = head.readUInt32BE(0);
			if (frameBytes > this.#frameBytesMax) {
				throw new RangeError(
					`Cannot read a frame as it must have at most ${this.#frameBytesMax} bytes: it has ${frameBytes}`,
				);
			}
			if (this.#heldBytes < 4 + frameBytes) return;
			const frame = this.#peek(4 + frameBytes).subarray(4);
			this.#drop(4 + frameBytes);
			yield frame;
		}
	}

	/** The first `count` bytes in one piece; joins chunks only when they lie across several. */
	#peek(count: number): Buffer {
		const first = this.#chunks[0] as Uint8Array;
		if (first.length < count) {
			const joined = Buffer.concat(this.#chunks);
			this.#chunks = [joined];
			return joined.subarray(0, count);
		}
		return Buffer.from(first.buffer, first.byteOffset, count);
	}

	#drop(count: number): void {
		const first = this.#chunks[0] as Uint8Array;
		this.#heldBytes -= count;
		if (first.length === count) this.#chunks.shift();
		else this.#chunks[0] = first.subarray(count);
	}
}

export function frame(...pieces: readonly Uint8Array[]): Buffer {
	const bytes = pieces.reduce((sum, piece) => sum + piece.length, 0);
	const out = Buffer.allocUnsafe(4 + bytes);
	out.writeUInt32BE(bytes, 0);
	let at = 4;
	for (const piece of pieces) {
		out.set(piece, at);
		at += piece.length;
	}
	return out;
}

/** One JSON value followed by binary pieces, as one message: `[json length][json][piece length][piece]…`, lengths 32-bit big-endian. */
export function packPieces(json: unknown, pieces: readonly Uint8Array[]): Buffer {
	return Buffer.concat([frame(Buffer.from(JSON.stringify(json))), ...pieces.map((piece) => frame(piece))]);
}

/** The opposite of `packPieces`. @throws RangeError or SyntaxError when the message is cut or malformed. */
export function unpackPieces(message: Uint8Array): { json: unknown; pieces: Buffer[] } {
	const bytes = Buffer.from(message.buffer, message.byteOffset, message.length);
	const pieces: Buffer[] = [];
	let at = 0;
	while (at < bytes.length) {
		const length = bytes.readUInt32BE(at);
		if (at + 4 + length > bytes.length) throw new RangeError("Cannot unpack a message as its last piece is cut short");
		pieces.push(bytes.subarray(at + 4, at + 4 + length));
		at += 4 + length;
	}
	const head = pieces.shift();
	if (!head) throw new RangeError("Cannot unpack a message as it must begin with JSON: it is empty");
	return { json: JSON.parse(head.toString("utf8")), pieces };
}
