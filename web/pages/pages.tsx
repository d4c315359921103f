/**
 * Makes the public pages' HTML. Pure: the same for everybody and for any moment, so edges may keep it until the
 * state changes. Built into `dist/server/pages.js` with the names of the client's files in it.
 */
import type { ComponentChildren } from "preact";
import { renderToString } from "preact-render-to-string";
import type { PageAddress, PageRenderer } from "#wire/pages.ts";
import { LANGUAGES, type Language } from "#wire/site.ts";
import type { PublicState } from "#wire/state.ts";
import { FrontPage } from "../front/front-page.tsx";
import { ListenPage } from "../listen/listen-page.tsx";
import { type Reader, stateLine } from "../listen/sentences.ts";
import { LinkButton, PageFrame } from "../look/parts.tsx";
import type { PageAssets } from "../vite.config.ts";
import { commonWords } from "../words/common.ts";
import { frontWords } from "../words/front.ts";
import { sayIn } from "../words/words.ts";

declare const PAGE_ASSETS: PageAssets;

/** Where nothing would be interrupted by it, a page without script loads itself again. */
const RELOAD_S = 30;
const DESCRIPTION_CHARS_MAX = 200;

export const renderListenPage: PageRenderer["renderListenPage"] = (state, language, where) => {
	const reader: Reader = { language, timeZone: state.timeZone, nowUnixMs: null, online: true };
	const { word, facts } = stateLine(state, reader);
	const summary = [word, ...facts].join(" · ");
	const about = state.description.replace(/\s+/g, " ").slice(0, DESCRIPTION_CHARS_MAX);
	return documentOf({
		language,
		entry: "listen",
		title: `${state.title} · Rostra`,
		description: [summary, about].filter(Boolean).join(". "),
		path: `/i/${state.slug}`,
		where,
		head: (
			<>
				<meta property="og:title" content={state.title} />
				<meta property="og:type" content="website" />
				{state.phase === "announced" && (
					<noscript>
						<meta http-equiv="refresh" content={String(RELOAD_S)} />
					</noscript>
				)}
			</>
		),
		body: <ListenPage state={state} reader={reader} publicUrl={where.publicUrl} />,
		carried: { state, publicUrl: where.publicUrl },
	});
};

export const renderFrontPage: PageRenderer["renderFrontPage"] = (list, language, where) =>
	documentOf({
		language,
		entry: "front",
		title: `${sayIn(frontWords, language)("title")} · Rostra`,
		description: sayIn(frontWords, language)("foot"),
		path: "/",
		where,
		body: <FrontPage list={list} language={language} />,
	});

export const renderErrorPage: PageRenderer["renderErrorPage"] = (problem, language) => {
	const say = sayIn(frontWords, language);
	return documentOf({
		language,
		entry: "front",
		title: `${say(problem)} · Rostra`,
		description: "",
		body: (
			<PageFrame language={language} homeHref={`/?lang=${language}`} links={null}>
				<div class="plain-page">
					<h1>{say(problem)}</h1>
					<p>{say(`${problem}_text`)}</p>
					<LinkButton href={`/?lang=${language}`}>{sayIn(commonWords, language)("whats_on")}</LinkButton>
				</div>
			</PageFrame>
		),
	});
};

type Document = {
	language: Language;
	entry: keyof PageAssets;
	title: string;
	description: string;
	path?: string;
	where?: PageAddress;
	head?: ComponentChildren;
	body: ComponentChildren;
	carried?: { state: PublicState; publicUrl: string };
};

function documentOf({ language, entry, title, description, path, where, head, body, carried }: Document): string {
	const { script, preload, styles } = PAGE_ASSETS[entry];
	const html = renderToString(
		<html lang={language}>
			<head>
				<meta charset="utf-8" />
				<meta name="viewport" content="width=device-width, initial-scale=1, viewport-fit=cover" />
				<title>{title}</title>
				{description && <meta name="description" content={description} />}
				<meta name="color-scheme" content="light dark" />
				<meta name="theme-color" content="#faf8f4" media="(prefers-color-scheme: light)" />
				<meta name="theme-color" content="#131412" media="(prefers-color-scheme: dark)" />
				<link rel="icon" type="image/svg+xml" href="/icon.svg" />
				{path &&
					where &&
					LANGUAGES.map((each) => (
						<link key={each} rel="alternate" hreflang={each} href={`${where.publicUrl}${path}?lang=${each}`} />
					))}
				{styles.map((href) => (
					<link key={href} rel="stylesheet" href={href} />
				))}
				{entry === "listen" && (
					<>
						{preload.map((href) => (
							<link key={href} rel="modulepreload" href={href} />
						))}
						<script type="module" src={script} />
					</>
				)}
				{head}
			</head>
			<body>
				<div id="page">{body}</div>
				{carried && (
					<script
						type="application/json"
						id="state"
						data-public-url={carried.publicUrl}
						// Inside a script element only `<` could end the data early.
						dangerouslySetInnerHTML={{ __html: JSON.stringify(carried.state).replace(/</g, "\\u003c") }}
					/>
				)}
			</body>
		</html>,
	);
	return `<!doctype html>\n${html}\n`;
}
