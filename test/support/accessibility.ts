import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import type { Page } from "puppeteer-core";

type Finding = { readonly id: string; readonly help: string; readonly nodes: readonly { readonly target: unknown }[] };

const source = readFileSync(fileURLToPath(import.meta.resolve("axe-core/axe.min.js")), "utf8");

/** Asserts that axe-core finds nothing on the page as it stands, in light and in dark. */
export async function assertAccessible(page: Page, what: string): Promise<void> {
	await page.evaluate(source);
	for (const scheme of ["light", "dark"]) {
		await page.emulateMediaFeatures([
			{ name: "prefers-color-scheme", value: scheme },
			{ name: "prefers-reduced-motion", value: "reduce" },
		]);
		const found = await page.evaluate(async () => {
			const { axe } = globalThis as unknown as { axe: { run(): Promise<{ violations: Finding[] }> } };
			const { violations } = await axe.run();
			return violations.map(
				({ id, help, nodes }) => `${id}: ${help} (${nodes.map(({ target }) => target).join("; ")})`,
			);
		});
		assert.deepEqual(found, [], `${what}, ${scheme}`);
	}
}
