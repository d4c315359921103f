import { MP3_BEAT_BYTES, MP3_BITRATE_BPS, type PublicState } from "#wire/index.ts";

/**
 * ICY metadata: what radio clients ask for with `Icy-MetaData: 1`. No standard has it; this is what SHOUTcast began and
 * Icecast does. After each `icy-metaint` bytes of sound comes a byte n, then n × 16 bytes of text, filled up with zeros;
 * n = 0 says that nothing has changed.
 *
 * Our interval is a beat of MP3, whose size never varies: so the blocks lie at the same places for everybody, and
 * listeners share their bytes with metadata as they do without. AAC varies in size, so every listener would need bytes
 * of his own; there the wish is ignored, as it may be.
 */
export const ICY_METAINT = MP3_BEAT_BYTES;
export const ICY_UNCHANGED = Buffer.of(0);
const UNIT_BYTES = 16;
const TEXT_BYTES_MAX = 255 * UNIT_BYTES;
const BEFORE = "StreamTitle='";
const AFTER = "';";

/** Header fields of an answer with metadata. Bytes of UTF-8 as latin1 characters, as header fields are written here. */
export function icyFields(title: string): [string, string][] {
	const name = Buffer.from(icyText(title)).toString("latin1");
	return [
		["icy-metaint", `${ICY_METAINT}`],
		["icy-name", name],
		["icy-br", `${MP3_BITRATE_BPS / 1_000}`],
	];
}

/** A block that sets the title; what is too long for one is left out at its end. UTF-8, which clients have come to expect. */
export function icyBlock(title: string): Buffer {
	let text = icyText(title);
	const roomBytes = TEXT_BYTES_MAX - BEFORE.length - AFTER.length;
	if (Buffer.byteLength(text) > roomBytes) {
		const kept = Buffer.from(text)
			.subarray(0, roomBytes - 3)
			.toString();
		// A character that was cut through has become U+FFFD.
		text = `${kept.replace(/\uFFFD$/u, "")}…`;
	}
	const bytes = Buffer.from(`${BEFORE}${text}${AFTER}`);
	const units = Math.ceil(bytes.length / UNIT_BYTES);
	return Buffer.concat([Buffer.of(units), bytes, Buffer.alloc(units * UNIT_BYTES - bytes.length)]);
}

/** Text that ends neither a header field nor a title, which `';` does and for which there is no escape. */
export function icyText(text: string): string {
	return text
		.toWellFormed()
		.replace(/[\p{C}\p{Zl}\p{Zp}]+/gu, " ")
		.replaceAll("'", "’")
		.trim();
}

/**
 * Title of the interview and who is speaking. In pauses, who spoke last.
 *
 * @param before names in the title before.
 */
export function icyTitle(state: Pick<PublicState, "title" | "people">, before: readonly string[]) {
	const onAir = state.people.filter(({ presence }) => presence === "on_air");
	const speaking = onAir.filter((person) => person.speaking).map(({ name }) => name);
	const last = before.filter((name) => onAir.some((person) => person.name === name));
	const names = speaking.length > 0 ? speaking : last;
	return { names, title: names.length > 0 ? `${state.title} – ${names.join(", ")}` : state.title };
}
