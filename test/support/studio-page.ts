import type { Browser, Page } from "puppeteer-core";

/** A studio in a real browser, operated by what a person sees: names of buttons, states the page shows. */
export type StudioPage = {
	readonly page: Page;
	/** Verdicts of the pre-flight check by their names; empty when all is well. */
	preflight(): Promise<string[]>;
	enterGreenRoom(): Promise<void>;
	goLive(): Promise<void>;
	end(): Promise<void>;
};

const STEP_WITHIN_MS = 60_000;

/** Opens `url`, which signs in, joins or is the studio already, and goes on to the studio of `interview`. */
export async function openStudio(
	browser: Browser,
	url: string,
	kind: "host" | "guest",
	studioUrl: string,
): Promise<StudioPage> {
	const page = await browser.newPage();
	page.setDefaultTimeout(STEP_WITHIN_MS);
	await page.goto(url);
	if (kind === "guest") {
		await page.waitForSelector("input[type=checkbox]");
		await page.click("input[type=checkbox]");
		await page.click("form button[type=submit], form .button");
	} else {
		await press(page, "Sign in");
		await page.waitForFunction(() => location.pathname === "/");
		await page.goto(studioUrl);
	}
	// A browser that was asked before goes on by itself.
	await page.waitForFunction(
		() => {
			document.querySelector<HTMLButtonElement>('[data-step="gate"] main button:not(:disabled)')?.click();
			return document.querySelector('[data-step="check"]') !== null;
		},
		{ polling: 250 },
	);
	return {
		page,
		async preflight() {
			await page.waitForFunction(
				() =>
					document.querySelectorAll("[data-check]").length === 3 &&
					![...document.querySelectorAll("[data-check]")].some((step) =>
						["waiting", "running"].includes(step.getAttribute("data-state") ?? ""),
					),
			);
			return await page.$$eval("[data-problem]", (verdicts) =>
				verdicts.map((verdict) => verdict.getAttribute("data-problem") ?? ""),
			);
		},
		async enterGreenRoom() {
			await page.click('[data-step="check"] [role=group] button');
			await page.waitForSelector('[data-step="room"][data-connection="connected"]');
		},
		async goLive() {
			await press(page, "Go live");
			// Before the announced start it asks once.
			await page.waitForSelector("dialog[open]", { timeout: 2_000 }).then(
				() => press(page, "Go live", "dialog[open] "),
				() => {},
			);
			await page.waitForSelector("[data-air]");
		},
		async end() {
			await press(page, "End");
			await page.waitForSelector("dialog[open]");
			await press(page, "End for everybody", "dialog[open] ");
			await page.waitForSelector('[data-phase="ended"]');
		},
	};
}

/** Presses the button that says `name`. */
async function press(page: Page, name: string, within = ""): Promise<void> {
	await page.waitForFunction(
		(selector, label) => {
			const found = [...document.querySelectorAll<HTMLButtonElement>(selector)].find(
				(button) => button.innerText.trim() === label && !button.disabled,
			);
			found?.click();
			return found !== undefined;
		},
		{},
		`${within}button`,
		name,
	);
}
