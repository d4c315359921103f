/** The interview page. The server renders it for everybody; in the browser the same components come alive. */
import type { PublicState } from "#wire/state.ts";
import { Disc, Notice, PageFrame, StateWord } from "../look/parts.tsx";
import type { Player, PlayerView, Trouble } from "../player/index.ts";
import { commonWords } from "../words/common.ts";
import { useWords } from "../words/context.tsx";
import { listenWords } from "../words/listen.ts";
import { duration } from "../words/time.ts";
import { type Language, sayIn } from "../words/words.ts";
import { Elsewhere } from "./elsewhere.tsx";
import { PlayerCard, SaverChoice } from "./player-card.tsx";
import { audibleOf, explanation, gapsOf, type Reader, stateLine } from "./sentences.ts";

export type ListenPageProps = {
	readonly state: PublicState;
	readonly reader: Reader;
	readonly publicUrl: string;
	/** Undefined on the server and until the script has begun. */
	readonly player?: Player | undefined;
	readonly view?: PlayerView | undefined;
	readonly trouble?: Trouble;
};

export function ListenPage({ state, reader, publicUrl, player, view, trouble = "none" }: ListenPageProps) {
	const { language } = reader;
	const common = sayIn(commonWords, language);
	const other: Language = language === "en" ? "de" : "en";
	const playable = state.phase !== "cancelled" && (state.phase !== "ended" || state.programme?.onAirPart != null);
	return (
		<PageFrame
			language={language}
			homeHref={`/?lang=${language}`}
			links={
				<>
					<a href={`/?lang=${language}`}>{common("whats_on")}</a>
					<a href={`/i/${state.slug}?lang=${other}`} hreflang={other} lang={other}>
						{common("other_language")}
					</a>
				</>
			}
			foot={<Foot />}
		>
			<div class="listen">
				<div class="listen-first">
					<Heading state={state} reader={reader} />
					<People state={state} view={view} />
					{playable && (
						<PlayerCard state={state} reader={reader} player={player} view={view ?? null} trouble={trouble} />
					)}
					{(player?.can.saver ?? true) && playable && <SaverChoice player={player} view={view ?? null} />}
				</div>
				<div class="listen-then">
					<About state={state} language={language} />
					<Elsewhere state={state} publicUrl={publicUrl} />
					{isLive(state) && <HowWeCount />}
				</div>
			</div>
		</PageFrame>
	);
}

/** Somebody may be listening to sound as it is made. */
function isLive(state: PublicState): boolean {
	return state.phase !== "announced" && state.phase !== "ended" && state.phase !== "cancelled";
}

function Heading({ state, reader }: { state: PublicState; reader: Reader }) {
	const say = useWords(listenWords);
	const { tone, word, facts } = stateLine(state, reader);
	const why = explanation(state, reader);
	const live = isLive(state);
	const heard = audibleOf(state, reader);
	return (
		<>
			<div class="facts">
				<StateWord tone={tone}>{word}</StateWord>
				{facts.map((fact) => (
					<span key={fact} class="quiet">
						{fact}
					</span>
				))}
				{live && (
					<span class="quiet">
						{say("listening", { count: state.listeners.drainingConnections })}{" "}
						{heard && <>· {say("audible", heard)} </>}
						<a href="#how-we-count">{say("how_we_count")}</a>
					</span>
				)}
			</div>
			<p class="for-ears" role="status">
				{[word, why?.text].filter(Boolean).join(". ")}
			</p>
			<h1>{state.title}</h1>
			<div class="listen-why">{why && <Notice tone={why.tone}>{why.text}</Notice>}</div>
		</>
	);
}

function People({ state, view }: { state: PublicState; view: PlayerView | undefined }) {
	const say = useWords(listenWords);
	const roles = useWords(commonWords);
	if (state.people.length === 0) return null;
	// Who speaks is known for now; someone who hears the past must not be told of the present.
	const present = state.phase === "on_air" && (!view || view.following || view.intent !== "play");
	const expected = !["announced", "ended", "cancelled"].includes(state.phase);
	return (
		<section aria-labelledby="people">
			<h2 id="people" class="for-ears">
				{say("people")}
			</h2>
			<ul class="people">
				{state.people.map((person) => {
					const speaking = present && person.speaking && person.presence === "on_air";
					const lost = person.presence === "lost" && state.phase === "on_air";
					const missing = expected && (person.presence === "absent" || lost);
					let what = "";
					if (speaking) what = say("speaking");
					else if (lost) what = say("coming_back");
					else if (person.presence === "absent" && expected) what = say("not_here");
					else if (person.presence === "seated" && expected) what = say("in_studio");
					return (
						<li key={person.id} class="person">
							<Disc name={person.name} speaking={speaking} absent={missing} />
							<span class="person-words">
								<span class="person-name">{person.name}</span>
								<span class="quiet small">
									{roles(person.role)}
									{what && <span data-lost={lost || undefined}> · {what}</span>}
								</span>
							</span>
						</li>
					);
				})}
			</ul>
		</section>
	);
}

function About({ state, language }: { state: PublicState; language: Language }) {
	const say = useWords(listenWords);
	const gaps = gapsOf(state);
	const paragraphs = state.description.split(/\n{2,}/).map((text) => text.trim());
	return (
		<section aria-labelledby="about" class="listen-block">
			<h2 id="about">{say("about")}</h2>
			<div class="about-words">
				{paragraphs.filter(Boolean).map((text) => (
					<p key={text}>{text}</p>
				))}
				{state.phase !== "cancelled" && <p class="quiet note">{say("about_recording")}</p>}
				{gaps.count > 0 && (
					<p class="quiet note">
						{say("gaps", { count: gaps.count, time: duration(Math.max(1_000, gaps.ms), language) })}
					</p>
				)}
			</div>
		</section>
	);
}

function HowWeCount() {
	const say = useWords(listenWords);
	return (
		<section aria-labelledby="how-we-count" class="listen-block">
			<h2 id="how-we-count">{say("how_we_count_title")}</h2>
			<p class="quiet note">{say("how_we_count_text")}</p>
		</section>
	);
}

function Foot() {
	const say = useWords(listenWords);
	return <p>{say("foot")}</p>;
}
