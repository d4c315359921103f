/** Conditional and range requests (RFC 9110 §13, §14), for bodies whose strong entity tag is known. Pure. */

/** Whether `If-None-Match` names `etag`, by weak comparison (§13.1.2): then the answer is 304. */
export function noneMatchNames(field: string, etag: string): boolean {
	if (field === "") return false;
	if (field.trim() === "*") return true;
	// Our tags hold neither commas nor quotes, so splitting at commas cannot cut one that is ours.
	return field.split(",").some((tag) => tag.trim().replace(/^W\//, "") === etag);
}

export type RangeResult =
	| { readonly kind: "whole" }
	/** `to` is exclusive. */
	| { readonly kind: "part"; readonly from: number; readonly to: number }
	| { readonly kind: "unsatisfiable" };

const WHOLE: RangeResult = { kind: "whole" };

/**
 * What `Range` asks for. A field that is malformed, in another unit, or names several ranges is ignored, as
 * §14.2 allows; so is one whose `If-Range` is not exactly `etag` (§13.1.5; dates never match, we send none).
 *
 * @param sizeBytes greater than 0.
 */
export function selectRange(range: string, ifRange: string, etag: string, sizeBytes: number): RangeResult {
	if (range === "" || (ifRange !== "" && ifRange !== etag)) return WHOLE;
	const match = /^bytes=[ \t]*([0-9]*)-([0-9]*)[ \t]*$/i.exec(range);
	if (!match) return WHOLE;
	const first = match[1] as string;
	const last = match[2] as string;
	if (first === "" && last === "") return WHOLE;
	if (first === "") {
		const suffixBytes = Number(last);
		if (suffixBytes === 0) return { kind: "unsatisfiable" };
		return { kind: "part", from: Math.max(0, sizeBytes - suffixBytes), to: sizeBytes };
	}
	const from = Number(first);
	const to = last === "" ? sizeBytes : Math.min(Number(last) + 1, sizeBytes);
	if (last !== "" && Number(last) < from) return WHOLE;
	if (from >= sizeBytes) return { kind: "unsatisfiable" };
	return { kind: "part", from, to };
}

/** Codings this server has (RFC 9110 §12.5.3), best first, that the client accepts. */
export function selectCoding(acceptEncoding: string): "br" | "gzip" | "identity" {
	if (acceptEncoding === "") return "identity";
	const br = quality(acceptEncoding, "br");
	const gzip = quality(acceptEncoding, "gzip");
	if (br > 0 && br >= gzip) return "br";
	return gzip > 0 ? "gzip" : "identity";
}

/** The first of `languages` that suits best (RFC 9110 §12.5.4, basic filtering by primary subtag). */
export function selectLanguage<L extends string>(acceptLanguage: string, languages: readonly L[]): L {
	let best = languages[0] as L;
	let bestQuality = 0;
	for (const language of languages) {
		let q = 0;
		for (const [range, rangeQuality] of weighted(acceptLanguage)) {
			if (range === language || range.startsWith(`${language}-`)) q = Math.max(q, rangeQuality);
		}
		if (q > bestQuality) {
			best = language;
			bestQuality = q;
		}
	}
	return best;
}

function quality(field: string, coding: string): number {
	let star = 0;
	for (const [name, q] of weighted(field)) {
		if (name === coding) return q;
		if (name === "*") star = q;
	}
	return star;
}

/** Members of a list with their weights; a malformed weight counts as 0. Heads are bounded, and so is this. */
function* weighted(field: string): Generator<readonly [string, number]> {
	for (const member of field.split(",")) {
		const [name, ...parameters] = member.split(";");
		let q = 1;
		for (const parameter of parameters) {
			const match = /^\s*q\s*=\s*(.*?)\s*$/i.exec(parameter);
			if (match) q = /^(?:0(?:\.[0-9]{0,3})?|1(?:\.0{0,3})?)$/.test(match[1] as string) ? Number(match[1]) : 0;
		}
		yield [(name as string).trim().toLowerCase(), q];
	}
}
