export type PageArrival = {
	/** When its last byte came, on `performance.now()`. */
	readonly atMs: number;
	/** Its granule position (RFC 3533 §6): the sample after its last. */
	readonly position: number;
};

/** The sound pages that `url` sends until `signal` fires. Nothing is kept but their heads, so an hour is no burden. */
export async function granulesOver(url: string, signal: AbortSignal): Promise<PageArrival[]> {
	const arrivals: PageArrival[] = [];
	let held = Buffer.alloc(0);
	try {
		const answer = await fetch(url, { signal });
		for await (const chunk of answer.body as unknown as AsyncIterable<Uint8Array>) {
			const atMs = performance.now();
			held = Buffer.concat([held, chunk]);
			for (;;) {
				const bytes = pageBytes(held, url);
				if (bytes === undefined) break;
				const position = Number(held.readBigUInt64LE(6));
				if (position > 0) arrivals.push({ atMs, position });
				held = held.subarray(bytes);
			}
		}
	} catch (error) {
		if (!signal.aborted) throw error;
	}
	return arrivals;
}

/** Length of the page that `held` begins with, or undefined when it is not whole yet. */
function pageBytes(held: Buffer, url: string): number | undefined {
	if (held.length < 27) return undefined;
	if (held.toString("latin1", 0, 4) !== "OggS") throw new Error(`Cannot find an Ogg page where one must begin: ${url}`);
	const lacing = held.subarray(27, 27 + (held[26] as number));
	if (lacing.length < (held[26] as number)) return undefined;
	const bytes = 27 + lacing.length + lacing.reduce((sum, value) => sum + value, 0);
	return held.length < bytes ? undefined : bytes;
}
