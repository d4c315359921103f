import { useState } from "preact/hooks";
import { Button, Dialog, StateWord } from "../look/parts.tsx";
import { LanguageSwitch } from "../staff/frame.tsx";
import { useLanguage, useWords } from "../words/context.tsx";
import { studioWords } from "../words/staff-studio.ts";
import { clockTime, duration, spokenPosition } from "../words/time.ts";
import { clockFace, studioClock } from "./clock.ts";
import type { Studio } from "./studio.ts";

/** Going live earlier than this asks once: a press by mistake cannot be taken back. */
const EARLY_MS = 60_000;

/** What is true of the interview, its clock, and the two decisions that are the host's. */
export function TopBar({ studio, switchLanguage }: { studio: Studio; switchLanguage: () => void }) {
	const say = useWords(studioWords);
	const language = useLanguage();
	const snapshot = studio.snapshot.value;
	const [asking, setAsking] = useState<"end" | "early" | undefined>();
	// Reading the tick makes the clock run.
	studio.nowMs.value;
	if (!snapshot) return <header class="studio-top" />;
	const { phase, you } = snapshot;
	const clock = studioClock(snapshot, studio.unixMs);
	const over = phase === "ended" || phase === "cancelled";
	// What was only announced is called off in the list; there is nothing to end yet.
	const mayEnd = you.mayDirect && !over && phase !== "announced";
	const live = phase === "on_air" || phase === "interrupted";
	const everOnAir = snapshot.onAirUnixMs !== null;
	const goLive = () => {
		if (clock.kind === "countdown" && clock.ms > EARLY_MS) setAsking("early");
		else void studio.goLive();
	};
	return (
		<header class="studio-top">
			<div class="studio-state" role="status">
				{phase === "on_air" && (
					<StateWord tone="air" filled>
						{say("on_air")}
					</StateWord>
				)}
				{phase === "interrupted" && <StateWord tone="wait">{say("interrupted")}</StateWord>}
				{phase === "waiting_for_host" && <StateWord tone="wait">{say("waiting")}</StateWord>}
				{(phase === "doors" || phase === "announced") && <StateWord tone="ready">{say("not_on_air")}</StateWord>}
				{phase === "ended" && <StateWord tone="off">{say("ended")}</StateWord>}
				{phase === "cancelled" && <StateWord tone="off">{say("cancelled")}</StateWord>}
			</div>
			{clock.kind !== "none" && (
				<p class="studio-clock" role="timer" aria-label={spokenPosition(clock.ms, language)}>
					<span aria-hidden="true">{clockFace(clock)}</span>
				</p>
			)}
			<div class="studio-what">
				<h1>{snapshot.title}</h1>
				<p class="facts">
					{clock.kind === "countdown" && (
						<span>{say("goes_live_in", { time: clockTime(snapshot.announcedStartUnixMs, language) })}</span>
					)}
					{clock.kind === "late" && <span class="late">{say("waiting_since")}</span>}
					{live && <span title={say("listening_hint")}>{say("listening", { count: snapshot.listeners.open })}</span>}
					{!live && !over && snapshot.listeners.open > 0 && (
						<span>{say("listening", { count: snapshot.listeners.open })}</span>
					)}
					<a href={snapshot.publicUrl} target="_blank" rel="noreferrer">
						{say("public_page")}
					</a>
					<LanguageSwitch onSwitch={switchLanguage} />
				</p>
			</div>
			<div class="studio-decisions">
				{you.mayDirect && !over && !live && (
					<Button kind="act" size="large" square disabled={studio.deciding.value !== undefined} onClick={goLive}>
						{say(studio.deciding.value === "go_live" ? "going_live" : "go_live")}
					</Button>
				)}
				{mayEnd && (
					<Button
						kind={live ? "grave" : "plain"}
						size="large"
						square
						disabled={studio.deciding.value !== undefined}
						onClick={() => setAsking("end")}
					>
						{say(studio.deciding.value === "end" ? "ending" : "end")}
					</Button>
				)}
			</div>
			<Dialog
				open={asking === "end"}
				title={say("end_title")}
				onClose={() => setAsking(undefined)}
				actions={
					<>
						<Button square onClick={() => setAsking(undefined)}>
							{say("go_on")}
						</Button>
						<Button
							square
							kind="grave"
							onClick={() => {
								setAsking(undefined);
								void studio.end();
							}}
						>
							{say("end_now")}
						</Button>
					</>
				}
			>
				<p>{say(everOnAir ? "end_question" : "end_before_air")}</p>
			</Dialog>
			<Dialog
				open={asking === "early"}
				title={say("go_live")}
				onClose={() => setAsking(undefined)}
				actions={
					<>
						<Button square onClick={() => setAsking(undefined)}>
							{say("wait_for_start")}
						</Button>
						<Button
							square
							kind="act"
							onClick={() => {
								setAsking(undefined);
								void studio.goLive();
							}}
						>
							{say("go_live")}
						</Button>
					</>
				}
			>
				<p>{say("go_live_question", { time: duration(clock.kind === "countdown" ? clock.ms : 0, language) })}</p>
			</Dialog>
		</header>
	);
}
