import type { Language } from "./site.ts";
import type { PublicState } from "./state.ts";

/**
 * What `dist/server/pages.js` exports, which `scripts/build-pages.ts` builds: whole HTML documents, the same
 * for everybody, with the hashed names of the assets in them. Pure: no clock, no network; a page shows what its state says.
 */
export type PageRenderer = {
	/** The interview page: plays without JavaScript, and comes alive with it. */
	renderListenPage(state: PublicState, language: Language, where: PageAddress): string;
	/** What is on, what is announced, what can be heard again. @param list the listed interviews, in any order. */
	renderFrontPage(list: readonly PublicState[], language: Language, where: PageAddress): string;
	/** A short page for what is not there. */
	renderErrorPage(problem: "not_found" | "removed" | "unavailable", language: Language): string;
};

export type PageAddress = {
	/** The public door as people type it, without a trailing slash: addresses to copy begin with it. */
	readonly publicUrl: string;
};
