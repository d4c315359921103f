/** What is on, what is announced, what can be heard again. */
import type { PublicState } from "#wire/state.ts";
import { type Reader, stateLine } from "../listen/sentences.ts";
import { Disc, PageFrame, StateWord } from "../look/parts.tsx";
import { commonWords } from "../words/common.ts";
import { useWords } from "../words/context.tsx";
import { frontWords } from "../words/front.ts";
import { type Language, sayIn } from "../words/words.ts";

/** Recordings shown on one page; older ones have their address all the same. */
const RECORDINGS_MAX = 50;

/** Of which list an interview is part; cancelled ones are shown until their announced time would have been. */
type Shelf = "on_air_now" | "announced" | "recordings";

function shelfOf(state: PublicState): Shelf | undefined {
	switch (state.phase) {
		case "on_air":
		case "interrupted":
			return "on_air_now";
		case "announced":
		case "doors":
		case "waiting_for_host":
		case "cancelled":
			return "announced";
		case "ended":
			return state.onAirUnixMs === null ? undefined : "recordings";
	}
}

export function FrontPage({ list, language }: { list: readonly PublicState[]; language: Language }) {
	const common = sayIn(commonWords, language);
	const say = sayIn(frontWords, language);
	const other: Language = language === "en" ? "de" : "en";
	const on = (shelf: Shelf) => list.filter((state) => shelfOf(state) === shelf);
	const onAir = on("on_air_now").sort((a, b) => (b.onAirUnixMs ?? 0) - (a.onAirUnixMs ?? 0));
	const announced = on("announced").sort((a, b) => a.announcedStartUnixMs - b.announcedStartUnixMs);
	const recordings = on("recordings")
		.sort((a, b) => (b.onAirUnixMs ?? 0) - (a.onAirUnixMs ?? 0))
		.slice(0, RECORDINGS_MAX);
	const empty = onAir.length + announced.length + recordings.length === 0;
	return (
		<PageFrame
			language={language}
			homeHref={`/?lang=${language}`}
			links={
				<a href={`/?lang=${other}`} hreflang={other} lang={other}>
					{common("other_language")}
				</a>
			}
			foot={<p>{say("foot")}</p>}
		>
			<div class="front">
				<h1>{say("title")}</h1>
				{empty && (
					<div class="front-empty">
						<h2>{say("empty_title")}</h2>
						<p>{say("empty_text")}</p>
						<p class="quiet note">{say("empty_how")}</p>
					</div>
				)}
				{onAir.length + announced.length > 0 && (
					<div class="front-shelves">
						<ShelfOf name="on_air_now" states={onAir} language={language} />
						<ShelfOf name="announced" states={announced} language={language} />
					</div>
				)}
				{recordings.length > 0 && (
					<div class="front-shelves">
						<ShelfOf name="recordings" states={recordings} language={language} />
					</div>
				)}
			</div>
		</PageFrame>
	);
}

function ShelfOf({ name, states, language }: { name: Shelf; states: readonly PublicState[]; language: Language }) {
	const say = useWords(frontWords);
	if (states.length === 0) return null;
	return (
		<section aria-labelledby={name}>
			<h2 id={name}>{say(name)}</h2>
			<ul class="shelf">
				{states.map((state) => (
					<Entry key={state.slug} state={state} language={language} />
				))}
			</ul>
		</section>
	);
}

function Entry({ state, language }: { state: PublicState; language: Language }) {
	const say = useWords(frontWords);
	const reader: Reader = { language, timeZone: state.timeZone, nowUnixMs: null, online: true };
	const { tone, word, facts } = stateLine(state, reader);
	const names = new Intl.ListFormat(language).format(state.people.map((person) => person.name));
	return (
		<li class="entry" data-on-air={state.phase === "on_air" || undefined}>
			<div class="facts">
				<StateWord tone={tone}>{word}</StateWord>
				{facts.map((fact) => (
					<span key={fact} class="quiet">
						{fact}
					</span>
				))}
			</div>
			<h3>
				<a href={`/i/${state.slug}?lang=${language}`}>{state.title}</a>
			</h3>
			{names && (
				<div class="entry-people">
					<span class="entry-discs">
						{state.people.slice(0, 4).map((person) => (
							<Disc key={person.id} name={person.name} />
						))}
					</span>
					<span class="quiet note">{say("with_people", { names })}</span>
				</div>
			)}
		</li>
	);
}
