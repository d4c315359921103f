/** Granule positions (RFC 3533 §6) of the sound pages that `url` sends until `signal` fires. */
export async function granulesOf(url: string, signal: AbortSignal): Promise<number[]> {
	const chunks: Uint8Array[] = [];
	try {
		const answer = await fetch(url, { signal });
		for await (const chunk of answer.body as unknown as AsyncIterable<Uint8Array>) chunks.push(chunk);
	} catch (error) {
		if (!signal.aborted) throw error;
	}
	const bytes = Buffer.concat(chunks);
	const positions: number[] = [];
	for (let at = 0; at + 27 <= bytes.length; ) {
		if (bytes.toString("latin1", at, at + 4) !== "OggS")
			throw new Error(`Cannot find an Ogg page at byte ${at} of ${url}`);
		const lacing = bytes.subarray(at + 27, at + 27 + (bytes[at + 26] as number));
		const position = Number(bytes.readBigUInt64LE(at + 6));
		if (position > 0) positions.push(position);
		at += 27 + lacing.length + lacing.reduce((sum, value) => sum + value, 0);
	}
	return positions;
}
