import assert from "node:assert/strict";
import { globSync, readFileSync } from "node:fs";
import { test } from "node:test";
import { LANGUAGES } from "#wire/site.ts";
import { duration, position, spokenPosition } from "./time.ts";
import { type Catalogue, catalogue, type Phrase, sayIn } from "./words.ts";

const folder = new URL(".", import.meta.url);
const NOT_CATALOGUES = ["words.ts", "time.ts"];
const files = globSync("*.ts", { cwd: folder }).filter(
	(file) => !file.endsWith(".test.ts") && !NOT_CATALOGUES.includes(file),
);
const catalogues: { name: string; entries: Catalogue }[] = [];
for (const file of files) {
	const exported = (await import(new URL(file, folder).href)) as Record<string, unknown>;
	for (const [name, entries] of Object.entries(exported)) {
		if (name.endsWith("Words")) catalogues.push({ name: `${file}: ${name}`, entries: entries as Catalogue });
	}
}
const forms = (phrase: Phrase) => (typeof phrase === "string" ? [phrase] : [phrase.one, phrase.other]);
const placeholders = (phrase: Phrase) =>
	[...new Set(forms(phrase).flatMap((text) => [...text.matchAll(/\{(\w+)\}/g)].map((match) => match[1])))].sort();

test("every phrase is there in every language, with the same placeholders", () => {
	assert(catalogues.length >= 3);
	for (const { name, entries } of catalogues) {
		for (const [key, entry] of Object.entries(entries)) {
			for (const language of LANGUAGES) {
				const phrase = entry[language];
				assert(phrase !== undefined, `${name}.${key} has no ${language}`);
				for (const text of forms(phrase)) assert(text.trim() === text && text !== "", `${name}.${key} ${language}`);
				assert.deepEqual(placeholders(phrase), placeholders(entry.en), `${name}.${key} ${language}`);
			}
		}
	}
});

test("every phrase is said somewhere", () => {
	const code = globSync("**/*.{ts,tsx}", { cwd: new URL("..", folder) })
		.filter((file) => !file.startsWith("words/") && !file.includes(".test."))
		.map((file) => readFileSync(new URL(`../${file}`, folder), "utf8"))
		.join("\n");
	// A key may be said by name, or be put together from a prefix: say(`warning_${code}`).
	const named = new Set([...code.matchAll(/["'`](\w+)["'`]/g)].map((match) => match[1]));
	const prefixes = [...code.matchAll(/`(\w+_)\$\{/g)].map((match) => match[1] as string);
	const suffixes = [...code.matchAll(/\}(_\w+)`/g)].map((match) => match[1] as string);
	// What messages call by a name (phases, roles, problems, states of a process) is said by that name.
	for (const file of globSync("*.ts", { cwd: new URL("../../src/wire/", folder) })) {
		const wire = readFileSync(new URL(`../../src/wire/${file}`, folder), "utf8");
		for (const match of wire.matchAll(/"(\w+)"/g)) named.add(match[1]);
	}
	const silent: string[] = [];
	for (const { name, entries } of catalogues) {
		for (const key of Object.keys(entries)) {
			const said =
				named.has(key) || prefixes.some((each) => key.startsWith(each)) || suffixes.some((each) => key.endsWith(each));
			if (!said) silent.push(`${name}.${key}`);
		}
	}
	assert.deepEqual(silent, []);
});

test("German says Sie to everybody and du to nobody", () => {
	for (const { name, entries } of catalogues) {
		for (const [key, entry] of Object.entries(entries)) {
			for (const text of forms(entry.de)) {
				assert(!/\b(du|dir|dich|dein\w*|euch|euer\w*)\b/i.test(text), `${name}.${key}: ${text}`);
			}
		}
	}
});

test("sayIn() fills placeholders, writes numbers as the reader does and chooses the plural", () => {
	const words = catalogue({
		questions: {
			en: { one: "{count} question for {name}", other: "{count} questions for {name}" },
			de: { one: "{count} Frage an {name}", other: "{count} Fragen an {name}" },
		},
	});
	assert.equal(sayIn(words, "en")("questions", { count: 1, name: "Ada" }), "1 question for Ada");
	assert.equal(sayIn(words, "en")("questions", { count: 1204, name: "Ada" }), "1,204 questions for Ada");
	assert.equal(sayIn(words, "de")("questions", { count: 1204, name: "Ada" }), "1.204 Fragen an Ada");
	assert.equal(sayIn(words, "de")("questions", { count: 0, name: "{count}" }), "0 Fragen an {count}");
});

test("duration(), position() and spokenPosition() at their edges", () => {
	assert.equal(duration(7_400, "en"), "7\u00a0s");
	assert.equal(duration(59_600, "en"), "1\u00a0min");
	assert.equal(duration(38 * 60_000 + 59_000, "de"), "38\u00a0min");
	assert.equal(duration(2 * 3_600_000 + 5 * 60_000, "de"), "2\u00a0h 5\u00a0min");
	assert.equal(duration(50 * 3_600_000, "de"), "2 Tage 2\u00a0h");
	assert.equal(duration(38 * 60_000, "de", "long"), "38 Minuten");
	assert.equal(duration(-5, "en"), "0\u00a0s");
	assert.equal(position(2_292_000), "38:12");
	assert.equal(position(3_723_999), "1:02:03");
	assert.equal(position(-1), "0:00");
	assert.equal(spokenPosition(3_723_999, "en"), "1 hour 2 minutes 3 seconds");
});
