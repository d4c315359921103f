import { useMemo, useState } from "preact/hooks";
import type { InterviewDraft, InterviewView, Role } from "#wire/staff.ts";
import { Button, Check, Field, Notice } from "../look/parts.tsx";
import { ask } from "../staff/api.ts";
import { problemSentence } from "../staff/problem.ts";
import { useLanguage, useWords } from "../words/context.tsx";
import { staffWords } from "../words/staff.ts";
import { interviewsWords } from "../words/staff-interviews.ts";
import { dayAndTime } from "../words/time.ts";
import { ownTimeZone, timeZones, unixMsOf, wallTime } from "./zone.ts";

const SLUG = /^[a-z0-9](?:[a-z0-9-]{0,62}[a-z0-9])?$/;
/** The studio has 13 seats; one is the host's. */
const GUESTS_MAX = 12;
/** Proposed start: the next full hour that leaves some time to invite. */
const LEAD_MS = 45 * 60_000;
const HOUR_MS = 3_600_000;

type Guest = { readonly name: string; readonly directs: boolean };
type FieldName = "title" | "when" | "zone" | "minutes" | "slug";

/** Announces an interview, or changes what was announced. */
export function InterviewForm({
	before,
	hostName,
	onDone,
	onBack,
}: {
	before: InterviewView | undefined;
	hostName: string;
	onDone: (interview: InterviewView) => void;
	onBack: () => void;
}) {
	const say = useWords(interviewsWords);
	const sayStaff = useWords(staffWords);
	const language = useLanguage();
	const firstZone = before?.timeZone ?? ownTimeZone();
	const firstStart = before?.announcedStartUnixMs ?? Math.ceil((Date.now() + LEAD_MS) / HOUR_MS) * HOUR_MS;
	const firstWall = wallTime(firstStart, firstZone) ?? { date: "", time: "" };
	const [title, setTitle] = useState(before?.title ?? "");
	const [description, setDescription] = useState(before?.description ?? "");
	const [host, setHost] = useState(hostName);
	const [guests, setGuests] = useState<readonly Guest[]>([{ name: "", directs: false }]);
	const [date, setDate] = useState(firstWall.date);
	const [time, setTime] = useState(firstWall.time);
	const [zone, setZone] = useState(firstZone);
	const [minutes, setMinutes] = useState(String(before?.expectedMinutes ?? 60));
	const [listed, setListed] = useState(before?.listed ?? true);
	const [slug, setSlug] = useState(before?.slug ?? "");
	const [errors, setErrors] = useState<Partial<Record<FieldName, string>>>({});
	const [trouble, setTrouble] = useState<string | undefined>();
	const [busy, setBusy] = useState(false);
	const zones = useMemo(() => timeZones([firstZone, ownTimeZone()]), [firstZone]);
	const startUnixMs = unixMsOf({ date, time }, zone);
	const begun =
		before !== undefined &&
		before.phase !== "announced" &&
		before.phase !== "doors" &&
		before.phase !== "waiting_for_host";

	const submit = async (event: Event) => {
		event.preventDefault();
		const length = Number(minutes);
		const found: Partial<Record<FieldName, string>> = {};
		if (!title.trim()) found.title = say("error_title");
		if (startUnixMs === undefined) found.when = say("error_when");
		if (!Number.isInteger(length) || length < 1 || length > 720) found.minutes = say("error_minutes");
		if (slug !== "" && !SLUG.test(slug)) found.slug = say("error_slug");
		setErrors(found);
		if (Object.keys(found).length > 0 || startUnixMs === undefined) {
			const form = event.currentTarget as HTMLFormElement | null;
			requestAnimationFrame(() => form?.querySelector<HTMLElement>("[aria-invalid]")?.focus());
			return;
		}
		const facts = {
			title: title.trim(),
			description,
			announcedStartUnixMs: startUnixMs,
			timeZone: zone,
			listed,
			expectedMinutes: length,
			...(slug === "" ? {} : { slug }),
		};
		setBusy(true);
		const answer = before
			? await ask<InterviewView>(
					"PATCH",
					`/interviews/${encodeURIComponent(before.interviewId)}`,
					changed(facts, before),
				)
			: await ask<InterviewView>("POST", "/interviews", {
					...facts,
					people: [
						...(host.trim() ? [{ name: host.trim(), role: "host" as Role }] : []),
						...guests
							.filter((guest) => guest.name.trim())
							.map((guest) => ({ name: guest.name.trim(), role: (guest.directs ? "co_host" : "guest") as Role })),
					],
				} satisfies InterviewDraft);
		setBusy(false);
		if (answer.ok) return onDone(answer.value);
		const sentence = problemSentence(sayStaff, answer.status, answer.problem);
		const field = fieldAt(answer.problem.code === "slug_taken" ? "/slug" : answer.problem.pointer);
		setTrouble(field ? undefined : sentence);
		setErrors(field ? { [field]: sentence } : {});
	};

	const changeGuest = (at: number, change: Partial<Guest>) =>
		setGuests(guests.map((guest, i) => (i === at ? { ...guest, ...change } : guest)));

	return (
		<form class="narrow interview-form" noValidate onSubmit={(event) => void submit(event)}>
			<h1>{say(before ? "form_edit" : "form_new")}</h1>
			{trouble && (
				<Notice tone="problem" urgent>
					{trouble}
				</Notice>
			)}
			<Field label={say("field_title")} error={errors.title}>
				{(ids) => (
					<input {...ids} required maxLength={200} value={title} onInput={(e) => setTitle(e.currentTarget.value)} />
				)}
			</Field>
			<Field label={say("field_description")} hint={say("field_description_hint")}>
				{(ids) => (
					<textarea
						{...ids}
						maxLength={5_000}
						value={description}
						onInput={(e) => setDescription(e.currentTarget.value)}
					/>
				)}
			</Field>
			<div class="when">
				<Field label={say("field_date")} error={errors.when}>
					{(ids) => (
						<input
							{...ids}
							type="date"
							required
							disabled={begun}
							value={date}
							onInput={(e) => setDate(e.currentTarget.value)}
						/>
					)}
				</Field>
				<Field label={say("field_time")}>
					{(ids) => (
						<input
							{...ids}
							type="time"
							required
							disabled={begun}
							value={time}
							onInput={(e) => setTime(e.currentTarget.value)}
						/>
					)}
				</Field>
				<Field label={say("field_zone")} error={errors.zone}>
					{(ids) => (
						<select {...ids} value={zone} disabled={begun} onChange={(e) => setZone(e.currentTarget.value)}>
							{zones.map((each) => (
								<option key={each} value={each}>
									{each.replaceAll("_", " ")}
								</option>
							))}
						</select>
					)}
				</Field>
			</div>
			<p class="small quiet here" aria-live="polite">
				{startUnixMs !== undefined &&
					zone !== ownTimeZone() &&
					say("here_it_is", { time: dayAndTime(startUnixMs, language) })}
			</p>
			{!before && (
				<>
					<Field label={say("field_host")}>
						{(ids) => (
							<input
								{...ids}
								maxLength={80}
								autocomplete="name"
								value={host}
								onInput={(e) => setHost(e.currentTarget.value)}
							/>
						)}
					</Field>
					<fieldset class="guests">
						<legend>{say("field_guests")}</legend>
						<p class="small quiet">{say("field_guests_hint")}</p>
						{guests.map((guest, at) => (
							<div class="guest" key={at}>
								<input
									aria-label={say("field_guest", { number: at + 1 })}
									placeholder={say("field_guest", { number: at + 1 })}
									maxLength={80}
									autocomplete="off"
									value={guest.name}
									onInput={(e) => changeGuest(at, { name: e.currentTarget.value })}
								/>
								<Check checked={guest.directs} onChange={(directs) => changeGuest(at, { directs })}>
									{say("guest_directs")}
								</Check>
							</div>
						))}
						{guests.length < GUESTS_MAX && (
							<Button square onClick={() => setGuests([...guests, { name: "", directs: false }])}>
								{say("add_guest")}
							</Button>
						)}
					</fieldset>
				</>
			)}
			<Field label={say("field_minutes")} hint={say("field_minutes_hint")} error={errors.minutes}>
				{(ids) => (
					<input
						{...ids}
						type="number"
						inputMode="numeric"
						min={1}
						max={720}
						value={minutes}
						onInput={(e) => setMinutes(e.currentTarget.value)}
					/>
				)}
			</Field>
			<Field label={say("field_slug")} hint={say("field_slug_hint")} error={errors.slug}>
				{(ids) => (
					<div class="slug-row">
						<span aria-hidden="true">/i/</span>
						<input
							{...ids}
							maxLength={64}
							autocapitalize="none"
							spellcheck={false}
							disabled={before !== undefined && before.phase !== "announced"}
							value={slug}
							onInput={(e) => setSlug(e.currentTarget.value)}
						/>
					</div>
				)}
			</Field>
			<Check checked={listed} onChange={setListed}>
				{say("field_listed")}
				<br />
				<span class="small quiet">{say("field_listed_hint")}</span>
			</Check>
			<div class="actions">
				<Button kind="act" size="large" type="submit" disabled={busy}>
					{say(before ? "save" : "announce")}
				</Button>
				<Button kind="bare" size="large" onClick={onBack}>
					{say("back")}
				</Button>
			</div>
		</form>
	);
}

/** Only what differs: an interview on air may be renamed, but its start may not even be repeated. */
function changed<T extends object>(facts: T, before: InterviewView): Partial<T> {
	const was = before as unknown as Record<string, unknown>;
	return Object.fromEntries(Object.entries(facts).filter(([name, value]) => was[name] !== value)) as Partial<T>;
}

function fieldAt(pointer: string | undefined): FieldName | undefined {
	switch (pointer) {
		case "/title":
			return "title";
		case "/announcedStartUnixMs":
			return "when";
		case "/timeZone":
			return "zone";
		case "/expectedMinutes":
			return "minutes";
		case "/slug":
			return "slug";
		default:
			return undefined;
	}
}
