export type Playlist = {
	/** Media playlists a multivariant playlist names, in its order. */
	readonly variants: readonly string[];
	readonly segments: readonly { readonly url: string; readonly seconds: number }[];
	readonly ended: boolean;
	readonly mediaSequence: number;
};

/** Reads what the suites need of an HLS playlist (RFC 8216). Addresses are made absolute against `base`. */
export function parsePlaylist(text: string, base: string): Playlist {
	if (!text.startsWith("#EXTM3U"))
		throw new Error(`Cannot read the playlist ${base}: it begins with ${JSON.stringify(text.slice(0, 40))}`);
	const lines = text.split(/\r?\n/).filter((line) => line !== "");
	const variants: string[] = [];
	const segments: { url: string; seconds: number }[] = [];
	for (const [nth, line] of lines.entries()) {
		if (line.startsWith("#")) continue;
		const about = lines.slice(0, nth).findLast((other) => /^#EXT(INF|-X-STREAM-INF):/.test(other)) ?? "";
		const url = new URL(line, base).href;
		if (about.startsWith("#EXTINF:"))
			segments.push({ url, seconds: Number.parseFloat(about.slice("#EXTINF:".length)) });
		else variants.push(url);
	}
	const sequence = lines.find((line) => line.startsWith("#EXT-X-MEDIA-SEQUENCE:"));
	return {
		variants,
		segments,
		ended: lines.includes("#EXT-X-ENDLIST"),
		mediaSequence: Number(sequence?.slice("#EXT-X-MEDIA-SEQUENCE:".length) ?? 0),
	};
}
