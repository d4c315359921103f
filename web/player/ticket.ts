const ID_BYTES = 12;
/** A small answer that takes longer is not coming; sound is asked for without it. */
const ANSWER_MS_MAX = 5_000;

/**
 * The token that says since when this browser has been waiting, or that it was inside before (RFC 6750). Only at level
 * *door* does anybody ask for one; it is fetched before that, so that a crowd later does not put this listener last.
 *
 * Kept in the browser's storage, so that a place survives a reload and a change of network. It names nobody: its id is
 * random and belongs to one interview in one browser.
 */
export class Ticket {
	readonly #base: string;
	#token: string | undefined;
	#asking: Promise<void> | undefined;

	/** @param base `/i/<slug>`. */
	constructor(base: string) {
		this.#base = base;
		const token = stored(this.#key("token"));
		if (token !== undefined && expiresUnixMs(token) > Date.now()) this.#token = token;
	}

	get token(): string | undefined {
		return this.#token;
	}

	/** Gets a token unless there is one. A refusal or a lost connection leaves none: the next call asks again. */
	ask(): Promise<void> {
		if (this.#token !== undefined) return Promise.resolve();
		this.#asking ??= this.#fetch().finally(() => {
			this.#asking = undefined;
		});
		return this.#asking;
	}

	/** Keeps what came with the sound: it gets in again. */
	keep(token: string): void {
		this.#token = token;
		store(this.#key("token"), token);
	}

	/** It is no longer good. The id stays, and with it nothing but its name. */
	drop(): void {
		this.#token = undefined;
		store(this.#key("token"), undefined);
	}

	async #fetch(): Promise<void> {
		const id = stored(this.#key("id")) ?? newId();
		store(this.#key("id"), id);
		try {
			const response = await fetch(`${this.#base}/token?id=${id}`, {
				credentials: "omit",
				cache: "no-store",
				signal: AbortSignal.timeout(ANSWER_MS_MAX),
			});
			if (response.ok) this.keep(await response.text());
		} catch {
			// Sound needs none as long as there is room.
		}
	}

	#key(what: string): string {
		return `rostra.${what}:${this.#base}`;
	}
}

/** Bytes 8 to 11 of a token are its last second, big-endian (`src/shield/tokens.ts`). 0 when it is none. */
function expiresUnixMs(token: string): number {
	try {
		const bytes = Uint8Array.from(atob(token.replaceAll("-", "+").replaceAll("_", "/")), (c) => c.charCodeAt(0));
		return new DataView(bytes.buffer).getUint32(8) * 1_000;
	} catch {
		return 0;
	}
}

function newId(): string {
	return [...crypto.getRandomValues(new Uint8Array(ID_BYTES))]
		.map((byte) => byte.toString(16).padStart(2, "0"))
		.join("");
}

function stored(key: string): string | undefined {
	try {
		return localStorage.getItem(key) ?? undefined;
	} catch {
		return undefined;
	}
}

function store(key: string, value: string | undefined): void {
	try {
		if (value === undefined) localStorage.removeItem(key);
		else localStorage.setItem(key, value);
	} catch {
		// Storage is switched off: the place lasts as long as the page.
	}
}
