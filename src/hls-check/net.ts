/** One answer of a server, with all its bytes. */
export type Got = {
	/** Of what was answered, after redirections. */
	readonly url: string;
	/** 0 when there was no answer. */
	readonly status: number;
	readonly type: string;
	readonly encoding: string;
	readonly bytes: Buffer;
	/** Why there was no answer. */
	readonly error: string;
	readonly sentMs: number;
	readonly doneMs: number;
};

/** What checking needs of the world; tests have their own. */
export type Net = {
	/** Never rejects. */
	get(url: string): Promise<Got>;
	/** Milliseconds that never jump. */
	nowMs(): number;
	sleep(ms: number): Promise<void>;
};

/** A blocking request is held for three target durations at most (§6.2.5.2). */
const GET_MS_MAX = 60_000;
const BYTES_MAX = 64 * 2 ** 20;

export const internet: Net = {
	async get(url) {
		const sentMs = performance.now();
		const got = (fields: Partial<Got>): Got => ({
			url,
			status: 0,
			type: "",
			encoding: "",
			bytes: Buffer.alloc(0),
			error: "",
			sentMs,
			doneMs: performance.now(),
			...fields,
		});
		try {
			const answer = await fetch(url, { signal: AbortSignal.timeout(GET_MS_MAX), cache: "no-store" });
			const { status, headers } = answer;
			const chunks: Uint8Array[] = [];
			let length = 0;
			for await (const chunk of answer.body ?? []) {
				chunks.push(chunk);
				length += chunk.length;
				if (length > BYTES_MAX) throw new Error(`more than ${BYTES_MAX} bytes`);
			}
			const bytes = Buffer.concat(chunks);
			const type = (headers.get("content-type") ?? "").split(";")[0]?.trim().toLowerCase() ?? "";
			return got({ url: answer.url || url, status, type, encoding: headers.get("content-encoding") ?? "", bytes });
		} catch (error) {
			const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
			return got({ error: cause instanceof Error ? cause.message : String(cause) });
		}
	},
	nowMs: () => performance.now(),
	sleep: (ms) => new Promise((resolve) => setTimeout(resolve, ms)),
};
