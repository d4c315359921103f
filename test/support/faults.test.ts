import assert from "node:assert/strict";
import { test } from "node:test";
import { accountFor, NOISE, shiftMs, worstHole } from "./faults.ts";
import { rumble } from "./sound.ts";

const said = rumble(4, -20, 1);
const signal = { ...NOISE, said };
const heardFrom = (atMs: number, ms: number) =>
	Float32Array.from({ length: ms * 48 }, (_, i) => said[(atMs * 48 + i) % said.length] as number);

test("accountFor: what passes whole has no hole; silence and other sound are one, to a block at each end", () => {
	const heard = heardFrom(1_230, 12_000);
	assert.deepEqual(accountFor(heard, signal).holes, []);
	heard.fill(0, 10_500 * 48, 10_730 * 48);
	heard.set(heardFrom(3_456, 500), 11_300 * 48);
	const { holes } = accountFor(heard, signal);
	assert.equal(holes.length, 2);
	for (const [nth, [fromMs, toMs]] of [
		[10_500, 10_730],
		[11_300, 11_800],
	].entries()) {
		const hole = holes[nth];
		assert.ok(hole && Math.abs(hole.fromMs - (fromMs as number)) <= 20 && Math.abs(hole.toMs - (toMs as number)) <= 20);
	}
	assert.equal(worstHole({ blocks: 0, right: [], holes }, 10_000, 11_000), holes[0]);
	assert.equal(worstHole({ blocks: 0, right: [], holes }, 10_800, 11_000), undefined);
});

test("accountFor: a frame that is left out is no hole but a shift", () => {
	const heard = Float32Array.from([...heardFrom(0, 10_600), ...heardFrom(10_620, 1_400)]);
	const account = accountFor(heard, signal);
	assert.ok(account.holes.every(({ fromMs, toMs }) => toMs - fromMs <= 20));
	assert.ok(Math.abs(shiftMs(account, 10_500, 11_000) - -20) < 1);
});

test("accountFor: what begins with something else is found all the same", () => {
	const heard = heardFrom(700, 16_000);
	heard.set(heardFrom(2_200, 7_000).map((value, i) => value * Math.sin(i / 30)));
	const { holes } = accountFor(heard, signal);
	assert.ok(holes.every(({ toMs }) => toMs <= 7_020) && (holes.at(-1)?.toMs ?? 0) >= 6_980);
});

test("accountFor: a signal that never comes back is a hole up to the end", () => {
	const heard = heardFrom(0, 12_000);
	heard.fill(0, 10_500 * 48);
	assert.deepEqual(accountFor(heard, signal).holes, [{ fromMs: 10_500, toMs: 12_000 }]);
});
