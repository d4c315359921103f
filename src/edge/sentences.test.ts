import assert from "node:assert/strict";
import { test } from "node:test";
import { SENTENCES } from "./sentences.ts";

test("every sentence is one in both languages, and German says Sie", () => {
	for (const [key, { en, de }] of Object.entries(SENTENCES)) {
		for (const text of [en, de]) assert.match(text, /^[A-ZÄÖÜ].*\.$/, key);
		assert.doesNotMatch(de, /\b(du|dir|dich|dein\w*|prüfe|sieh|versuche|lade)\b/i, key);
	}
});
