import { useState } from "preact/hooks";
import type { LevelRecord, LevelView } from "#wire/levels.ts";
import type { OperationsView } from "#wire/staff.ts";
import { Button, Field, Notice, StateWord } from "../look/parts.tsx";
import { ask } from "../staff/api.ts";
import { problemSentence } from "../staff/problem.ts";
import { useLanguage, useWords } from "../words/context.tsx";
import { staffWords } from "../words/staff.ts";
import { operationsWords } from "../words/staff-operations.ts";
import { dayAndTime } from "../words/time.ts";
import type { Say } from "../words/words.ts";
import { type MarkedRecord, STEPS_SHOWN_MS } from "./marks.ts";

/** As src/wire/state.ts and levels.ts have them: the page takes types from there, not the parsers. */
const LEVELS = ["normal", "quiet", "lean", "door"] as const;
const REASON_MAX = 200;
type Level = LevelView["level"];

/** Why the level changed, as a sentence. */
export function causeSentence(say: Say<typeof operationsWords>, { cause, reason }: LevelRecord): string {
	const sentence = say(`cause_${cause}`);
	return reason ? `${sentence}: ${reason}` : sentence;
}

/** The level that holds, since when and why; what it was before; an operator's hand on it. */
export function LevelSection({
	level,
	marked,
	nowUnixMs,
	onChanged,
}: {
	level: OperationsView["level"];
	marked: readonly MarkedRecord[];
	nowUnixMs: number;
	onChanged: (level: LevelView) => void;
}) {
	const say = useWords(operationsWords);
	const language = useLanguage();
	const time = new Intl.DateTimeFormat(language, { timeStyle: "medium", hourCycle: "h23" });
	if (!level) {
		return (
			<section class="stack">
				<h2>{say("level")}</h2>
				<p class="quiet">{say("level_unknown")}</p>
			</section>
		);
	}
	const lately = marked.filter(({ record }) => record.unixMs >= nowUnixMs - STEPS_SHOWN_MS).reverse();
	const newest = level.records.at(-1);
	return (
		<section class="stack" aria-labelledby="level">
			<h2 id="level">{say("level")}</h2>
			<div class="level-now" aria-live="polite">
				<StateWord tone={level.level === "normal" ? "ready" : "wait"}>{say(`level_${level.level}`)}</StateWord>
				<p>
					{say(`level_${level.level}_means`)} {level.pinned && say("level_is_pinned")}
				</p>
				<p class="small quiet">
					{level.sinceUnixMs === null
						? say("level_since_start")
						: say("level_since", { time: dayAndTime(level.sinceUnixMs, language) })}
					{newest && ` · ${causeSentence(say, newest)}`}
				</p>
			</div>
			<Hand level={level} onChanged={onChanged} />
			{lately.length === 0 ? (
				<p class="quiet">{say("no_steps")}</p>
			) : (
				<div class="table-wide steps" tabIndex={0} role="region" aria-labelledby="steps">
					<table>
						<caption id="steps">{say("steps")}</caption>
						<thead>
							<tr>
								<th scope="col">{say("step_mark")}</th>
								<th scope="col">{say("step_time")}</th>
								<th scope="col">{say("step_change")}</th>
								<th scope="col">{say("step_reason")}</th>
							</tr>
						</thead>
						<tbody>
							{lately.map(({ sign, record }) => (
								<tr key={`${record.unixMs} ${record.from} ${record.to} ${record.cause}`}>
									<td>{sign}</td>
									<td>{time.format(record.unixMs)}</td>
									<td>
										{record.from === record.to
											? say(`level_${record.to}`)
											: say("step_from_to", { from: say(`level_${record.from}`), to: say(`level_${record.to}`) })}
									</td>
									<td class="step-reason">{causeSentence(say, record)}</td>
								</tr>
							))}
						</tbody>
					</table>
				</div>
			)}
		</section>
	);
}

/** Pin and release. Both need a reason, which is recorded. */
function Hand({ level, onChanged }: { level: LevelView; onChanged: (level: LevelView) => void }) {
	const say = useWords(operationsWords);
	const sayStaff = useWords(staffWords);
	const [chosen, setChosen] = useState<Level>(level.level);
	const [reason, setReason] = useState("");
	const [missing, setMissing] = useState(false);
	const [busy, setBusy] = useState(false);
	const [outcome, setOutcome] = useState<{ tone: "good" | "problem"; sentence: string } | undefined>();
	const act = async (method: "PUT" | "DELETE") => {
		const words = reason.trim();
		setMissing(words === "");
		setOutcome(undefined);
		if (words === "" || busy) return;
		setBusy(true);
		const body = method === "PUT" ? { level: chosen, reason: words } : { reason: words };
		const answer = await ask<LevelView>(method, "/level", body);
		setBusy(false);
		if (!answer.ok) {
			setOutcome({ tone: "problem", sentence: problemSentence(sayStaff, answer.status, answer.problem) });
			return;
		}
		setReason("");
		setOutcome({
			tone: "good",
			sentence:
				method === "PUT" ? say("pinned_done", { level: say(`level_${answer.value.level}`) }) : say("released_done"),
		});
		onChanged(answer.value);
	};
	return (
		<form
			class="level-hand"
			aria-label={say("level_hand")}
			onSubmit={(event) => {
				event.preventDefault();
				void act("PUT");
			}}
		>
			<Field label={say("pin_level")}>
				{(ids) => (
					<select {...ids} value={chosen} onChange={(event) => setChosen(event.currentTarget.value as Level)}>
						{LEVELS.map((each) => (
							<option key={each} value={each}>
								{say(`level_${each}`)}
							</option>
						))}
					</select>
				)}
			</Field>
			<Field
				label={say("pin_reason")}
				hint={say("pin_reason_hint")}
				error={missing ? say("pin_reason_missing") : undefined}
			>
				{(ids) => (
					<input
						{...ids}
						maxLength={REASON_MAX}
						autocomplete="off"
						value={reason}
						onInput={(event) => setReason(event.currentTarget.value)}
					/>
				)}
			</Field>
			<div class="actions">
				<Button type="submit" kind="act" aria-disabled={busy}>
					{say("pin")}
				</Button>
				{level.pinned && (
					<Button aria-disabled={busy} onClick={() => void act("DELETE")}>
						{say("release")}
					</Button>
				)}
			</div>
			<div class="level-outcome" role="status">
				{outcome && <Notice tone={outcome.tone}>{outcome.sentence}</Notice>}
			</div>
		</form>
	);
}
