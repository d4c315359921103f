import assert from "node:assert/strict";
import { test } from "node:test";
import { PHASES, type PublicState } from "#wire/state.ts";
import { stateOf } from "../player/fake-world.ts";
import type { PlayerView } from "../player/index.ts";
import { listenWords } from "../words/listen.ts";
import { sayIn } from "../words/words.ts";
import { audibleOf, bar, explanation, gapsOf, lengthMs, type Reader, soundLines, stateLine } from "./sentences.ts";

const T = Date.UTC(2026, 10, 23, 19, 0, 0);
const MIN = 60_000;
const reader = (nowUnixMs: number | null, language: "en" | "de" = "en"): Reader => ({
	language,
	timeZone: "Europe/Berlin",
	nowUnixMs,
	online: true,
});
const base: PublicState = { ...stateOf(100, T - 32_000), announcedStartUnixMs: T, onAirUnixMs: T + 4 * MIN };
const viewOf = (view: Partial<PlayerView>): PlayerView => ({
	intent: "play",
	sound: "playing",
	connected: true,
	following: true,
	positionSample: (100 * 320 + 38 * MIN) * 48,
	liveSample: (100 * 320 + 38 * MIN + 7_000) * 48,
	behindMs: 7_000,
	rate: 1,
	userRate: 1,
	saver: false,
	heardMs: 38 * MIN,
	missedMs: 0,
	missed: null,
	inLineMs: null,
	shown: base,
	...view,
});

test("every phase has a word and lines in both languages, with and without a clock", () => {
	for (const phase of PHASES) {
		for (const language of ["en", "de"] as const) {
			for (const now of [null, T + 10 * MIN]) {
				const state = { ...base, phase, endedUnixMs: phase === "ended" ? T + 40 * MIN : null };
				assert(stateLine(state, reader(now, language)).word);
				assert(soundLines(state, null, reader(now, language)).headline);
				explanation(state, reader(now, language));
			}
		}
	}
});

test("red is for sound that is on air, and for nothing else", () => {
	for (const phase of PHASES) {
		const { tone } = stateLine({ ...base, phase, endedUnixMs: T }, reader(null));
		assert.equal(tone === "air", phase === "on_air");
	}
});

test("on air: since when, how long, how late and why", () => {
	const state = { ...base, lateReason: "the guest’s microphone had to be changed." };
	assert.deepEqual(stateLine(state, reader(T + 42 * MIN)), {
		tone: "air",
		word: "On air",
		facts: ["since 20:04 CET", "38\u00a0min"],
	});
	assert.equal(explanation(state, reader(T))?.text, "Began 4\u00a0min late: the guest’s microphone had to be changed.");
	assert.equal(explanation({ ...state, onAirUnixMs: T + 30_000 }, reader(T)), undefined);
});

test("waiting: late so far, by this clock", () => {
	const state: PublicState = { ...base, phase: "waiting_for_host", onAirUnixMs: null };
	assert.match(explanation(state, reader(T + 20 * MIN))?.text ?? "", /^20\u00a0min late so far\. Nobody/);
	assert.match(explanation(state, reader(null))?.text ?? "", /^Nobody/);
});

test("playing: how far behind, whether anything was missed, and when the connection is being restored", () => {
	assert.deepEqual(soundLines(base, viewOf({}), reader(T)), {
		headline: "7\u00a0s behind",
		detail: "Sound is complete: nothing missed in 38\u00a0min",
		tone: "calm",
	});
	assert.equal(soundLines(base, viewOf({ connected: false }), reader(T)).tone, "wait");
	assert.equal(soundLines(base, viewOf({ missedMs: 2_400 }), reader(T)).detail, "2\u00a0s of sound were missed");
	assert.equal(soundLines(base, viewOf({ sound: "restoring" }), { ...reader(T), online: false }).tone, "wait");
	assert.equal(soundLines(base, viewOf({ intent: "pause", sound: "silent" }), reader(T)).headline, "Paused at 38:00");
});

test("in the line: what it is, and about how long", () => {
	const lines = soundLines(base, viewOf({ sound: "connecting", inLineMs: 170_000 }), reader(T));
	assert.deepEqual([lines.headline, lines.tone], ["You are in the line", "wait"]);
	assert.match(lines.detail, /in about [23]\u00a0min/);
});

test("before it begins: a countdown, in seconds within the last hour", () => {
	const state: PublicState = { ...base, phase: "announced", programme: null, onAirUnixMs: null };
	assert.equal(soundLines(state, null, reader(T - 754_000)).headline, "Begins in 12:34");
	assert.equal(soundLines(state, null, reader(T - 125 * MIN)).headline, "Begins in 2\u00a0h 5\u00a0min");
	assert.equal(soundLines(state, null, reader(T + 1)).headline, "Begins any moment");
	assert.equal(soundLines(state, viewOf({ sound: "armed" }), reader(T - 61_000)).headline, "Begins in 1:01");
});

test("bar() spans on air to live, then the recording; nothing before", () => {
	assert.equal(bar({ ...base, programme: null }, null), undefined);
	assert.deepEqual(bar(base, viewOf({})), { atMs: 38 * MIN, lengthMs: 38 * MIN + 7_000, live: true });
	const programme = { ...(base.programme as NonNullable<PublicState["programme"]>), endPart: 1_100 };
	const ended: PublicState = { ...base, phase: "ended", programme };
	assert.deepEqual(bar(ended, null), { atMs: 0, lengthMs: 320_000, live: false });
	assert.equal(lengthMs(ended), 320_000);
	assert.equal(soundLines(ended, null, reader(T)).detail, "5\u00a0min long");
});

test("gapsOf() counts what was lost on air, not before", () => {
	const programme = {
		...(base.programme as NonNullable<PublicState["programme"]>),
		gaps: [
			{ fromPart: 10, toPart: 20 },
			{ fromPart: 98, toPart: 102 },
			{ fromPart: 200, toPart: 201 },
		],
	};
	assert.deepEqual(gapsOf({ ...base, programme }), { count: 2, ms: 960 });
});

test("what players report is told in words, and all only when it was all", () => {
	const said = (share: number, language: "en" | "de") => {
		const listeners = { drainingConnections: 400, audible: { share, reports: 1_312 } };
		const heard = audibleOf({ ...base, listeners }, reader(null, language));
		return heard && sayIn(listenWords, language)("audible", heard).replaceAll("\u00a0", " ");
	};
	assert.equal(said(0.9989, "en"), "99.8% of the sound heard, as 1,312 players report");
	assert.equal(said(0.9999, "de"), "99,9 % des Tons gehört, sagen 1.312 Player");
	assert.equal(said(1, "en"), "100% of the sound heard, as 1,312 players report");
	assert.equal(audibleOf(base, reader(null)), undefined);
});
