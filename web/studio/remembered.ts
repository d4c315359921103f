/** What this browser keeps between visits: devices and wishes. Without storage, each visit begins anew. */
export function remembered(key: string): string | undefined {
	try {
		return window.localStorage.getItem(`rostra.${key}`) ?? undefined;
	} catch {
		return undefined;
	}
}

export function remember(key: string, value: string): void {
	try {
		window.localStorage.setItem(`rostra.${key}`, value);
	} catch {
		// Storage is switched off: the next visit asks again.
	}
}
