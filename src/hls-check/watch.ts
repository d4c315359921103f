import { checkPlaylist, checkTogether } from "./check.ts";
import { checkMedia } from "./media.ts";
import type { Got, Net } from "./net.ts";
import { absolute, integer, type Playlist, parsePlaylist, type Segment } from "./parse.ts";
import { difference, Follower, merge, newestOf } from "./reload.ts";
import type { Finding, Report, RuleId } from "./rules.ts";

/** Between two looks at a playlist that cannot be waited for. */
const POLL_MS = 500;
/** An answer that should not wait takes no longer than this. */
const AT_ONCE_MS = 1_000;
/** Playlists below this need no compression. */
const COMPRESS_BYTES_MIN = 512;
/** Segments and parts loaded of one playlist. */
const LOADS_MAX = 400;
const RENDITIONS_MAX = 32;
/** Findings kept; a rule that breaks at each reload is told at most FINDINGS_PER_RULE times for each playlist. */
const FINDINGS_PER_RULE = 3;
/** A playlist that fails this often in a row is given up. */
const FAILURES_MAX = 5;

export type Result = {
	readonly findings: readonly Finding[];
	/** What was looked at, for people. */
	readonly seen: readonly string[];
	/** Nothing could be checked, because of this. */
	readonly failure: string | undefined;
};

/** Checks what is at `url`: a multivariant playlist with all its media playlists, or one of those; live ones for `seconds`. */
export async function checkHls(net: Net, url: string, seconds: number): Promise<Result> {
	const findings: Finding[] = [];
	const counts = new Map<string, number>();
	const add = (rule: RuleId, at: string, line: number, found: string) => {
		const key = `${rule} ${at}`;
		const count = (counts.get(key) ?? 0) + 1;
		counts.set(key, count);
		if (count <= FINDINGS_PER_RULE) findings.push({ rule, url: at, line, found });
	};
	const seen: string[] = [];
	const read = (got: Got): Playlist => {
		// Directives are no part of a playlist's address: what is found is told of that, and what follows is asked there.
		const url = got.url.replace(/[?&]_HLS_[^#]*$/, "");
		const report: Report = (rule, line, found) => add(rule, url, line, found);
		const path = URL.parse(url)?.pathname ?? url;
		const types = ["application/vnd.apple.mpegurl", "audio/mpegurl"];
		if (!/\.m3u8?$/.test(path) && !types.includes(got.type)) report("4-1", 0, `${path}, ${got.type || "no type"}`);
		const playlist = parsePlaylist(got.bytes.toString("utf8"), url, report);
		checkPlaylist(playlist, report);
		if (got.bytes.length >= COMPRESS_BYTES_MIN && got.encoding === "")
			report("6.2.1-13", 0, `${got.bytes.length} bytes as they are`);
		return playlist;
	};
	const first = await net.get(url);
	if (first.status !== 200) return { findings, seen, failure: `${url}: ${first.error || first.status}` };
	const top = read(first);
	const playlists: Playlist[] = [];
	if (top.kind === "multivariant") {
		seen.push(`${first.url}: multivariant, ${top.renditions.length} media playlists`);
		const answers = await Promise.all(top.renditions.slice(0, RENDITIONS_MAX).map((rendition) => net.get(rendition)));
		for (const got of answers) {
			if (got.status === 200) playlists.push(read(got));
			else add("6.2.1-12", got.url, 0, got.error || `status ${got.status}`);
		}
		checkTogether(playlists, (at, rule, found) => add(rule, at, 0, found));
	} else playlists.push(top);
	const deadlineMs = net.nowMs() + seconds * 1_000;
	const watched = playlists.map((playlist) => {
		const report: Report = (rule, line, found) => add(rule, playlist.url, line, found);
		return new Watch({ net, read, report, playlist, deadlineMs }).run();
	});
	seen.push(...(await Promise.all(watched)));
	for (const [key, count] of counts) {
		if (count > FINDINGS_PER_RULE) seen.push(`${key}: ${count - FINDINGS_PER_RULE} more of the same`);
	}
	return { findings, seen, failure: undefined };
}

/** One media playlist, loaded again and again as a player does, with what it names. */
class Watch {
	readonly #net: Net;
	readonly #read: (got: Got) => Playlist;
	readonly #report: Report;
	readonly #deadlineMs: number;
	readonly #follower = new Follower();
	/** Bytes of segments and parts by address, as far as needed for what is not yet compared. */
	readonly #media = new Map<string, Promise<Buffer | undefined>>();
	readonly #compared = new Set<number>();
	#loads = 0;
	#playlist: Playlist;
	#reloads = 0;

	constructor(options: {
		readonly net: Net;
		readonly read: (got: Got) => Playlist;
		readonly report: Report;
		readonly playlist: Playlist;
		readonly deadlineMs: number;
	}) {
		this.#net = options.net;
		this.#read = options.read;
		this.#report = options.report;
		this.#playlist = options.playlist;
		this.#deadlineMs = options.deadlineMs;
	}

	async run(): Promise<string> {
		const { url, serverControl } = this.#playlist;
		this.#follower.take(this.#playlist, this.#net.nowMs(), this.#report);
		const canBlock = serverControl?.get("CAN-BLOCK-RELOAD") === "YES";
		const canSkip = serverControl?.has("CAN-SKIP-UNTIL") ?? false;
		await this.#loadNamed();
		if (!this.#playlist.ended && canBlock) await this.#probe();
		let failures = 0;
		while (!this.#playlist.ended && this.#net.nowMs() < this.#deadlineMs && failures < FAILURES_MAX) {
			const isTaken = canBlock ? await this.#reload(canSkip && this.#reloads % 2 === 1) : await this.#poll();
			failures = isTaken ? 0 : failures + 1;
			if (!isTaken) await this.#net.sleep(POLL_MS);
			await this.#loadNamed();
		}
		const { segments, ended, partTargetS } = this.#playlist;
		const kind = ended ? "ended" : partTargetS === undefined ? "live" : "live, low latency";
		return `${url}: ${kind}, ${segments.length} segments, ${this.#reloads} reloads, ${this.#loads} segments and parts loaded`;
	}

	/** What can be asked of a server that holds requests (§6.2.5.2, §6.2.6), once. */
	async #probe(): Promise<void> {
		const newest = newestOf(this.#playlist);
		const closed = this.#playlist.segments.findLast(({ uri }) => uri !== undefined);
		if (!newest || !closed) return;
		const has = this.#playlist.partTargetS !== undefined;
		const ask = (query: string) => this.#net.get(withQuery(this.#playlist.url, query));
		const tookMs = (got: Got) => Math.round(got.doneMs - got.sentMs);
		const status = (got: Got) => got.error || `status ${got.status}`;
		const isRefused = (got: Got) => got.status >= 400 && got.status < 500;
		const alone = await ask("_HLS_part=0");
		if (!isRefused(alone)) this.#report("6.2.5.2-2", 0, status(alone));
		const far = await ask(`_HLS_msn=${newest.sequence + 1_000}`);
		if (!isRefused(far) || tookMs(far) > AT_ONCE_MS)
			this.#report("6.2.5.2-3", 0, `${status(far)} after ${tookMs(far)} ms`);
		const past = await ask(`_HLS_msn=${this.#playlist.mediaSequence}`);
		if (past.status !== 200 || tookMs(past) > AT_ONCE_MS)
			this.#report("6.2.5.2-5", 0, `${status(past)} after ${tookMs(past)} ms`);
		else if (!holds(this.#read(past), closed.sequence, -1))
			this.#report("6.2.5.2-5", 0, "one that ends earlier than a moment ago");
		if (has && closed.parts.length > 0) {
			const beyond = await ask(`_HLS_msn=${closed.sequence}&_HLS_part=${closed.parts.length}`);
			if (beyond.status !== 200) this.#report("6.2.5.2-4", 0, status(beyond));
			else if (!holds(this.#read(beyond), closed.sequence + 1, 0)) this.#report("6.2.5.2-4", 0, "an answer without it");
		}
		const { hint } = this.#playlist;
		if (hint) {
			const nothing = await this.#net.get(hint.uri.replace(/(\.[a-z0-9]+)?(\?.*)?$/i, "-none$1$2"));
			if (nothing.status !== 404 && nothing.status !== 410) this.#report("6.2.6-2", 0, status(nothing));
		}
	}

	async #poll(): Promise<boolean> {
		await this.#net.sleep(POLL_MS);
		const got = await this.#net.get(this.#playlist.url);
		if (got.status !== 200) {
			this.#report("6.2.1-12", 0, `playlist: ${got.error || `status ${got.status}`}`);
			return false;
		}
		this.#take(this.#read(got), got.doneMs);
		return true;
	}

	/** A blocking reload for the part that comes next, and the hinted part with it. */
	async #reload(skip: boolean): Promise<boolean> {
		const before = this.#playlist;
		const newest = newestOf(before);
		if (!newest) return this.#poll();
		const isOpen = before.segments.at(-1)?.uri === undefined;
		const hasParts = before.partTargetS !== undefined;
		const sequence = isOpen ? newest.sequence : newest.sequence + 1;
		const part = isOpen ? newest.part + 1 : 0;
		const directives = `_HLS_msn=${sequence}${hasParts ? `&_HLS_part=${part}` : ""}`;
		const address = (more: string) => withQuery(before.url, directives + more);
		if (before.hint) this.#load(before.hint.uri, "6.2.6-1");
		const got = await this.#net.get(address(skip ? "&_HLS_skip=YES" : ""));
		if (got.status !== 200) {
			this.#report("6.2.5.2-1", 0, `${directives}: ${got.error || `status ${got.status}`}`);
			return false;
		}
		const answer = this.#read(got);
		let playlist = answer;
		if (skip && !answer.ended) {
			this.#checkSkip(before, answer);
			const merged = merge(before, answer);
			const whole = this.#read(await this.#net.get(address("")));
			if (!merged) this.#report("6.2.5.1-2", 0, "segments skipped that were never in a playlist");
			else if (isSameVersion(merged, whole)) {
				const differs = difference(merged, whole);
				if (differs) this.#report("6.2.5.1-2", 0, differs);
			}
			playlist = merged ?? whole;
		}
		if (!playlist.ended && !holds(playlist, sequence, hasParts ? part : -1)) {
			const last = newestOf(playlist);
			this.#report("6.2.5.2-1", 0, `${directives}: an answer up to ${last?.sequence}.${last?.part}`);
			await this.#net.sleep(POLL_MS);
		}
		this.#take(playlist, got.doneMs);
		await this.#checkReports(playlist);
		return true;
	}

	/** §6.2.5.1: segments beyond the skip boundary are left out, and no others. */
	#checkSkip(before: Playlist, delta: Playlist): void {
		const boundaryS = Number(delta.serverControl?.get("CAN-SKIP-UNTIL"));
		const known = before.segments.filter(({ sequence, uri }) => uri && sequence >= delta.mediaSequence);
		const skipped = known.filter(({ sequence }) => sequence < delta.mediaSequence + delta.skipped);
		const kept = delta.segments.reduce((sum, { durationS }) => sum + durationS, 0);
		const line = delta.tags.find(({ name }) => name === "EXT-X-SKIP")?.line ?? 0;
		// "further from the end of the last (Parent) Media Segment than the Skip Boundary": all of the segment is.
		if (delta.skipped > 0 && kept < boundaryS - 0.01) {
			this.#report("6.2.5.1-3", line, `${kept.toFixed(2)} s left, CAN-SKIP-UNTIL=${boundaryS}`);
		}
		const wholeS = kept + skipped.reduce((sum, { durationS }) => sum + durationS, 0);
		const first = known[0];
		if (delta.skipped === 0 && first && wholeS - first.durationS > boundaryS + 0.01) {
			this.#report("6.2.5.1-1", 0, `the whole playlist, of ${wholeS.toFixed(2)} s with CAN-SKIP-UNTIL=${boundaryS}`);
		}
	}

	#take(playlist: Playlist, atMs: number): void {
		this.#reloads += 1;
		this.#playlist = playlist;
		this.#follower.take(playlist, atMs, this.#report);
	}

	/** One report per reload, in turn: what it says of another playlist, and what that playlist says. */
	async #checkReports(playlist: Playlist): Promise<void> {
		const reports = playlist.tags.filter(({ name }) => name === "EXT-X-RENDITION-REPORT");
		const tag = reports[this.#reloads % Math.max(1, reports.length)];
		if (!tag || playlist.ended || this.#reloads % 4 !== 0) return;
		const own = newestOf(playlist);
		// "A server MAY omit adding an attribute … if its value is the same as that of the … Playlist to which the tag is being added."
		const sequence = integer(tag.attributes.get("LAST-MSN")) ?? own?.sequence ?? 0;
		const part = integer(tag.attributes.get("LAST-PART")) ?? own?.part ?? 0;
		const got = await this.#net.get(absolute(tag.attributes.get("URI") ?? "", playlist.url));
		if (got.status !== 200)
			return this.#report("4.4.5.4-2", tag.line, `${got.url}: ${got.error || `status ${got.status}`}`);
		const ignore = () => {};
		const other = parsePlaylist(got.bytes.toString("utf8"), got.url, ignore);
		const newest = newestOf(other);
		if (!newest || holds(other, sequence, part)) return;
		this.#report(
			"4.4.5.4-2",
			tag.line,
			`${sequence}.${part}; that playlist ends with ${newest.sequence}.${newest.part}`,
		);
	}

	/** Loads what the playlist names and was not loaded, and compares each segment with its parts once both are there. */
	async #loadNamed(): Promise<void> {
		const { segments } = this.#playlist;
		const recent = segments.slice(-3);
		for (const segment of recent) {
			if (segment.map) this.#load(segment.map, "6.2.1-12");
			for (const part of segment.parts) if (!part.gap) this.#load(part.uri, "6.2.1-12");
			if (segment.uri && !segment.gap && !segment.hasByteRange) this.#load(segment.uri, "6.2.1-12");
		}
		for (const segment of recent) {
			if (segment.uri === undefined || segment.gap || this.#compared.has(segment.sequence)) continue;
			this.#compared.add(segment.sequence);
			await this.#compare(segment);
		}
		// Older than what can still be compared.
		const needed = new Set(recent.flatMap(({ map, uri, parts }) => [map, uri, ...parts.map((part) => part.uri)]));
		for (const uri of this.#media.keys()) if (!needed.has(uri) && this.#media.size > 200) this.#media.delete(uri);
	}

	async #compare(segment: Segment): Promise<void> {
		const bytesOf = (uri: string | undefined) => (uri === undefined ? undefined : this.#media.get(uri));
		const init = await bytesOf(segment.map);
		const whole = await bytesOf(segment.uri);
		const parts = await Promise.all(segment.parts.map(({ uri, gap }) => (gap ? undefined : bytesOf(uri))));
		if (init) checkMedia(segment, { init, whole, parts }, this.#report);
	}

	#load(uri: string, rule: RuleId): void {
		if (this.#media.has(uri) || this.#loads >= LOADS_MAX) return;
		this.#loads += 1;
		const loading = this.#net.get(uri).then((got) => {
			if (got.status === 200 && got.bytes.length > 0) return got.bytes;
			// A hinted part need not come when the playlist ends there.
			if (rule === "6.2.6-1" && this.#playlist.ended) return undefined;
			this.#report(rule, 0, `${uri}: ${got.error || (got.status === 200 ? "no bytes" : `status ${got.status}`)}`);
			return undefined;
		});
		this.#media.set(uri, loading);
	}
}

/** Whether a playlist holds part `part` of segment `sequence`, or, with part −1, all of it; or anything later. */
function holds(playlist: Playlist, sequence: number, part: number): boolean {
	for (const segment of playlist.segments) {
		if (segment.sequence > sequence) return true;
		if (segment.sequence === sequence) return segment.uri !== undefined || (part >= 0 && segment.parts.length > part);
	}
	return false;
}

function isSameVersion(a: Playlist, b: Playlist): boolean {
	const [x, y] = [newestOf(a), newestOf(b)];
	return a.mediaSequence === b.mediaSequence && x?.sequence === y?.sequence && x?.part === y?.part;
}

function withQuery(url: string, query: string): string {
	return `${url}${url.includes("?") ? "&" : "?"}${query}`;
}
