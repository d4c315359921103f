import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

const css = readFileSync(new URL("tokens.css", import.meta.url), "utf8");
type Scheme = { readonly [token: string]: string };
const tokens = [...css.matchAll(/--([\w-]+): light-dark\((#[0-9a-f]{6}), (#[0-9a-f]{6})\)/g)];
const light: Scheme = Object.fromEntries(tokens.map(([, name, color]) => [name, color]));
const dark: Scheme = Object.fromEntries(tokens.map(([, name, , color]) => [name, color]));

/** WCAG 2.2 relative luminance. */
function luminance(color: string): number {
	const [r, g, b] = [1, 3, 5].map((at) => {
		const c = Number.parseInt(color.slice(at, at + 2), 16) / 255;
		return c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4;
	}) as [number, number, number];
	return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}

function contrast(a: string, b: string): number {
	const [dim, bright] = [luminance(a), luminance(b)].sort((x, y) => x - y) as [number, number];
	return (bright + 0.05) / (dim + 0.05);
}

/** What stands on what, and the least contrast: 4.5 for words (WCAG 1.4.3), 3 for shapes that must be seen (1.4.11). */
const PAIRS = [
	...["paper", "sheet"].flatMap((ground) => [
		["ink", ground, 7],
		["quiet", ground, 4.5],
		["act", ground, 4.5],
		["air", ground, 4.5],
		["wait", ground, 4.5],
		["rim", ground, 3],
	]),
	["on-act", "act", 4.5],
	["on-act", "act-pressed", 4.5],
	["on-air-filled", "air-filled", 4.5],
	["wait", "wait-ground", 4.5],
	["ink", "act-ground", 4.5],
	["act", "act-ground", 4.5],
	["ink", "disc", 4.5],
	["quiet", "act-ground", 4.5],
	["act", "disc", 3],
] as const;

for (const [name, scheme] of Object.entries({ light, dark })) {
	test(`${name}: every pair of colours that carries words or shapes has its contrast`, () => {
		for (const [over, under, least] of PAIRS as readonly (readonly [string, string, number])[]) {
			const found = contrast(scheme[over] as string, scheme[under] as string);
			assert(found >= least, `${over} on ${under}: ${found.toFixed(2)}, wanted ${least}`);
		}
	});
}

test("colours are declared in tokens.css alone", async () => {
	const { globSync } = await import("node:fs");
	for (const file of globSync("**/*.css", { cwd: new URL("..", import.meta.url) })) {
		if (file.endsWith("tokens.css")) continue;
		const found = readFileSync(new URL(`../${file}`, import.meta.url), "utf8").match(/#[0-9a-f]{3,8}\b/gi);
		assert.equal(found, null, `${file} has colours of its own`);
	}
});
