import { useEffect, useMemo, useState } from "preact/hooks";
import type { OperationsView } from "#wire/staff.ts";
import { bytes } from "../interviews/bytes.ts";
import { Notice, StateWord } from "../look/parts.tsx";
import { ask } from "../staff/api.ts";
import { StaffFrame, showPage } from "../staff/frame.tsx";
import { problemSentence } from "../staff/problem.ts";
import { warningSentence } from "../studio/warnings.ts";
import { useLanguage, useWords } from "../words/context.tsx";
import { staffWords } from "../words/staff.ts";
import { operationsWords } from "../words/staff-operations.ts";
import { studioWords } from "../words/staff-studio.ts";
import { duration } from "../words/time.ts";
import { EdgesSection } from "./edges.tsx";
import { type History, withReports } from "./history.ts";
import { LevelSection } from "./level.tsx";
import { STEPS_SHOWN_MS, signsOf } from "./marks.ts";
import "./operations.css";

const REFRESH_MS = 2_000;
const STATE_TONES = { starting: "wait", running: "ready", restarting: "wait", stopped: "off" } as const;
const PHASE_TONES = {
	announced: "ready",
	doors: "ready",
	waiting_for_host: "wait",
	on_air: "air",
	interrupted: "wait",
	ended: "off",
	cancelled: "off",
} as const;

showPage((switchLanguage) => <Operations switchLanguage={switchLanguage} />);

type Seen = { readonly view: OperationsView; readonly history: History; readonly firstUnixMs: number };

function seenAfter(before: Seen | undefined, view: OperationsView): Seen {
	return {
		view,
		history: withReports(before?.history ?? new Map(), view.edges, view.atUnixMs),
		firstUnixMs: before?.firstUnixMs ?? view.atUnixMs,
	};
}

/** Dense on purpose: what runs, what restarted and why, what is short. */
function Operations({ switchLanguage }: { switchLanguage: () => void }) {
	const say = useWords(operationsWords);
	const sayStaff = useWords(staffWords);
	const sayStudio = useWords(studioWords);
	const language = useLanguage();
	const [seen, setSeen] = useState<Seen | undefined>();
	const [trouble, setTrouble] = useState<{ status: number; sentence: string } | undefined>();
	useEffect(() => {
		document.title = `${say("title")} · Rostra`;
	}, [say]);
	useEffect(() => {
		let asking = false;
		const load = async () => {
			if (asking || document.visibilityState === "hidden") return;
			asking = true;
			const answer = await ask<OperationsView>("GET", "/operations");
			asking = false;
			if (answer.ok) setSeen((before) => seenAfter(before, answer.value));
			setTrouble(
				answer.ok
					? undefined
					: { status: answer.status, sentence: problemSentence(sayStaff, answer.status, answer.problem) },
			);
		};
		void load();
		const timer = window.setInterval(() => void load(), REFRESH_MS);
		document.addEventListener("visibilitychange", load);
		return () => {
			window.clearInterval(timer);
			document.removeEventListener("visibilitychange", load);
		};
	}, [sayStaff]);
	const marked = useMemo(
		() => (seen?.view.level ? signsOf(seen.view.level.records, seen.firstUnixMs - STEPS_SHOWN_MS) : []),
		[seen],
	);
	const signedIn = trouble?.status !== 401;
	const time = (unixMs: number) =>
		new Intl.DateTimeFormat(language, { timeStyle: "medium", hourCycle: "h23" }).format(unixMs);
	return (
		<StaffFrame signedIn={signedIn} current="operations" wide switchLanguage={switchLanguage}>
			<div class="title-row">
				<h1>{say("title")}</h1>
				{seen && !trouble && <p class="small quiet">{say("as_of", { time: time(seen.view.atUnixMs) })}</p>}
			</div>
			{trouble && (
				<Notice tone="problem" urgent>
					{trouble.sentence} {seen && signedIn && say("stale", { time: time(seen.view.atUnixMs) })}
				</Notice>
			)}
			{seen && (
				<>
					<Warnings view={seen.view} sentence={(key) => warningSentence(sayStudio, key)} />
					<LevelSection
						level={seen.view.level}
						marked={marked}
						nowUnixMs={seen.view.atUnixMs}
						onChanged={(level) => setSeen({ ...seen, view: { ...seen.view, level } })}
					/>
					<EdgesSection history={seen.history} marked={marked} nowMs={seen.view.atUnixMs} />
					<LiveTable view={seen.view} />
					<ProcessTable view={seen.view} nowUnixMs={seen.view.atUnixMs} />
				</>
			)}
		</StaffFrame>
	);
}

function Warnings({ view, sentence }: { view: OperationsView; sentence: (key: string) => string }) {
	const say = useWords(operationsWords);
	const language = useLanguage();
	const { supervisor } = view;
	const keys = [...new Set([...view.warnings.filter((key) => key !== "database_down")])];
	const none = keys.length === 0 && view.databaseAvailable && (supervisor?.warnings.length ?? 0) === 0;
	const disk = supervisor?.disk;
	return (
		<section class="stack" aria-labelledby="warnings" aria-live="polite">
			<h2 id="warnings">{say("warnings")}</h2>
			{!view.databaseAvailable && <Notice tone="wait">{say("database_away", { count: view.recordsWaiting })}</Notice>}
			{keys.map((key) => (
				<Notice key={key} tone="wait">
					{sentence(key)}
				</Notice>
			))}
			{supervisor?.warnings.map((text) => (
				<Notice key={text} tone="wait">
					{/^[a-z_]+$/.test(text) ? sentence(text) : text}
				</Notice>
			))}
			{none && <p>{say("no_warnings")}</p>}
			{supervisor === null && <p class="quiet">{say("no_supervisor")}</p>}
			{disk && (
				<p class="small quiet">
					{say("disk")}:{" "}
					{say("disk_free", { free: bytes(disk.freeBytes, language), total: bytes(disk.totalBytes, language) })}
				</p>
			)}
		</section>
	);
}

function LiveTable({ view }: { view: OperationsView }) {
	const say = useWords(operationsWords);
	const sayStaff = useWords(staffWords);
	const language = useLanguage();
	const number = new Intl.NumberFormat(language);
	const decimal = new Intl.NumberFormat(language, { minimumFractionDigits: 1, maximumFractionDigits: 1 });
	const orDash = (value: number | null | undefined, format = decimal) =>
		value === null || value === undefined || !Number.isFinite(value) ? "–" : format.format(value);
	return (
		<section class="stack">
			<h2 id="live">
				{say("live")}{" "}
				<span class="small quiet">{say("live_of", { now: view.live.length, max: view.liveInterviewsMax })}</span>
			</h2>
			{view.live.length === 0 ? (
				<p class="quiet">{say("none_live")}</p>
			) : (
				<div class="table-wide" tabIndex={0} role="region" aria-labelledby="live">
					<table>
						<thead>
							<tr>
								<th scope="col">{say("interview")}</th>
								<th scope="col">{say("phase")}</th>
								<th scope="col" class="figure">
									{say("seats")}
								</th>
								<th scope="col" class="figure">
									{say("listeners")}
								</th>
								<th scope="col" class="figure">
									{say("loudness")}
								</th>
								<th scope="col" class="figure">
									{say("peak")}
								</th>
								<th scope="col" class="figure">
									{say("missed")}
								</th>
								<th scope="col" class="figure">
									{say("tick_late")}
								</th>
								<th scope="col">{say("disk_state")}</th>
							</tr>
						</thead>
						<tbody>
							{view.live.map(({ interviewId, title, phase, seatsConnected, listeners, programme }) => (
								<tr key={interviewId}>
									<th scope="row">
										<a href={`/studio?${new URLSearchParams({ interview: interviewId })}`}>{title}</a>
									</th>
									<td>
										<StateWord tone={PHASE_TONES[phase]}>{sayStaff(`phase_${phase}`)}</StateWord>
									</td>
									<td class="figure">{number.format(seatsConnected)}</td>
									<td class="figure">
										{number.format(listeners.open)} / {number.format(listeners.settled)}
									</td>
									<td class="figure">{orDash(programme?.integratedLufs ?? programme?.shortTermLufs)}</td>
									<td class="figure">{orDash(programme?.truePeakDbtp)}</td>
									<td class="figure">{orDash(programme?.missedFrames, number)}</td>
									<td class="figure">{orDash(programme?.tickLateP99Ms)}</td>
									<td>
										{programme?.disk === "full" ? (
											<StateWord tone="wait">{say("disk_full")}</StateWord>
										) : programme?.onAir ? (
											say("disk_ok")
										) : (
											"–"
										)}
									</td>
								</tr>
							))}
						</tbody>
					</table>
				</div>
			)}
		</section>
	);
}

function ProcessTable({ view, nowUnixMs }: { view: OperationsView; nowUnixMs: number }) {
	const say = useWords(operationsWords);
	const language = useLanguage();
	const processes = view.supervisor?.processes;
	if (!processes) return null;
	return (
		<section class="stack">
			<h2 id="processes">{say("processes")}</h2>
			<div class="table-wide" tabIndex={0} role="region" aria-labelledby="processes">
				<table>
					<thead>
						<tr>
							<th scope="col">{say("name")}</th>
							<th scope="col">{say("state")}</th>
							<th scope="col" class="figure">
								{say("up_for")}
							</th>
							<th scope="col" class="figure">
								{say("restarts")}
							</th>
							<th scope="col">{say("last_exit")}</th>
							<th scope="col" class="figure">
								{say("memory")}
							</th>
							<th scope="col" class="figure">
								{say("pid")}
							</th>
						</tr>
					</thead>
					<tbody>
						{processes.map((process) => (
							<tr key={process.name}>
								<th scope="row">{process.name}</th>
								<td>
									<StateWord tone={STATE_TONES[process.state]}>{say(process.state)}</StateWord>
								</td>
								<td class="figure">
									{process.startedUnixMs === null ? "–" : duration(nowUnixMs - process.startedUnixMs, language)}
								</td>
								<td class="figure" data-attention={process.restarts > 0 || undefined}>
									{process.restarts}
								</td>
								<td class="last-exit">{process.lastExit ?? "–"}</td>
								<td class="figure">{process.rssBytes === null ? "–" : bytes(process.rssBytes, language)}</td>
								<td class="figure">{process.pid ?? "–"}</td>
							</tr>
						))}
					</tbody>
				</table>
			</div>
		</section>
	);
}
