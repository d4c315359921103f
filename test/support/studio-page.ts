import type { Browser, Page } from "puppeteer-core";

/** A studio in a real browser, operated by what a person sees: names of buttons, states the page shows. */
export type StudioPage = {
	readonly page: Page;
	/** Verdicts of the pre-flight check by their names; empty when all is well. */
	preflight(): Promise<string[]>;
	/** Says in the pre-flight check that headphones are worn: the voice is sent as it is, and the check begins anew. */
	wearHeadphones(): Promise<void>;
	/** Chooses the microphone of this label in the pre-flight check. @returns what is said of it. */
	tryMicrophone(label: string): Promise<string[]>;
	/** Chooses the microphone of this label beside what is said of a lost one. */
	chooseInTrouble(label: string): Promise<void>;
	/** What one step of the pre-flight check says, once it is through. */
	verdictsOf(step: "voice" | "speaker" | "line"): Promise<string[]>;
	enterGreenRoom(): Promise<void>;
	goLive(): Promise<void>;
	end(): Promise<void>;
};

const STEP_WITHIN_MS = 30_000;

/** Opens `url`, which signs in or joins, and goes on to the studio, up to where the microphone is asked for. */
export async function arrive(browser: Browser, url: string, kind: "host" | "guest", studioUrl: string): Promise<Page> {
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
	await page.waitForSelector("[data-step]");
	return page;
}

/** Arrives, gives the microphone, and is in the pre-flight check. */
export async function openStudio(
	browser: Browser,
	url: string,
	kind: "host" | "guest",
	studioUrl: string,
): Promise<StudioPage> {
	const page = await arrive(browser, url, kind, studioUrl);
	// A browser that was asked before goes on by itself.
	await page.waitForFunction(
		() => {
			document.querySelector<HTMLButtonElement>('[data-step="gate"] main button:not(:disabled)')?.click();
			return document.querySelector('[data-step="check"]') !== null;
		},
		{ polling: 250 },
	);
	const isRunning = (step: string) => page.waitForSelector(`[data-check="${step}"][data-state="running"]`);
	const verdictsOf = async (step: string) => {
		await page.waitForSelector(
			["good", "problem", "skipped"].map((state) => `[data-check="${step}"][data-state="${state}"]`).join(),
		);
		return await page.$$eval(`[data-check="${step}"] [data-problem]`, (verdicts) =>
			verdicts.map((verdict) => verdict.getAttribute("data-problem") ?? ""),
		);
	};
	return {
		page,
		verdictsOf,
		async wearHeadphones() {
			await page.click('[data-step="check"] label.check input');
			await isRunning("voice");
		},
		async tryMicrophone(label) {
			await choose(page, '[data-check="voice"] select', label);
			await isRunning("voice");
			return await verdictsOf("voice");
		},
		chooseInTrouble: (label) => choose(page, '[role="alert"] select', label),
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

/** Chooses the option that says `label`. */
async function choose(page: Page, select: string, label: string): Promise<void> {
	const options = await page.$$eval(`${select} option`, (all) =>
		all.map((option) => ({ label: option.textContent?.trim() ?? "", value: (option as HTMLOptionElement).value })),
	);
	const found = options.find((option) => option.label === label);
	if (!found) throw new Error(`Cannot choose ${label}: there is ${options.map((each) => each.label)}`);
	await page.select(select, found.value);
}

/** Presses the button that says `name`. */
export async function press(page: Page, name: string, within = ""): Promise<void> {
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
