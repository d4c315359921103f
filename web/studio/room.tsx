import { useEffect, useState } from "preact/hooks";
import { Button, Field, Notice } from "../look/parts.tsx";
import { problemSentence } from "../staff/problem.ts";
import { useLanguage, useWords } from "../words/context.tsx";
import { staffWords } from "../words/staff.ts";
import { studioWords } from "../words/staff-studio.ts";
import { dayAndTime } from "../words/time.ts";
import type { Seat } from "./advice.ts";
import { Desk } from "./desk.tsx";
import { MicrophoneTrouble } from "./gate.tsx";
import { InviteDialog, type Inviting } from "./invite.tsx";
import { SeatCard } from "./seat-card.tsx";
import type { Studio } from "./studio.ts";
import { warningSentence } from "./warnings.ts";

/** Green room and on air: who is here, how they sound, what is wrong, what can be done. */
export function Room({ studio }: { studio: Studio }) {
	const say = useWords(studioWords);
	const [inviting, setInviting] = useState<Inviting | undefined>();
	const snapshot = studio.snapshot.value;
	if (!snapshot) return null;
	const { you } = snapshot;
	const here = (seat: Seat) => seat.connection !== "absent" && seat.place !== "check";
	// A place on air before the interview is on air is only a promise: nothing says "on air" that is not.
	const live = snapshot.phase === "on_air" || snapshot.phase === "interrupted";
	const air = snapshot.seats.filter((seat) => here(seat) && live && seat.place === "air");
	const green = snapshot.seats.filter((seat) => here(seat) && !(live && seat.place === "air"));
	const away = snapshot.seats.filter((seat) => !here(seat));
	const onNewLink = (seat: Seat) => setInviting({ for: "seat", seat });
	const cards = (seats: readonly Seat[]) =>
		seats.map((seat) => <SeatCard key={seat.seatId} studio={studio} seat={seat} onNewLink={onNewLink} />);
	// Once it began in time there is nothing to explain.
	const mayBeLate =
		snapshot.onAirUnixMs === null ||
		snapshot.lateReason !== "" ||
		snapshot.onAirUnixMs - snapshot.announcedStartUnixMs > LATE_FROM_MS;
	const alone = air.length + green.length <= 1;
	return (
		<>
			<Notices studio={studio} />
			<div class="studio-room">
				<div class="studio-seats">
					{air.length > 0 && (
						<section aria-labelledby="seats-air">
							<h2 id="seats-air">{say("place_air")}</h2>
							<ul class="seats">{cards(air)}</ul>
						</section>
					)}
					{(green.length > 0 || air.length === 0) && (
						<section aria-labelledby="seats-green">
							<h2 id="seats-green">
								{say("place_green")} <span class="small quiet">{say("place_green_hint")}</span>
							</h2>
							<ul class="seats">{cards(green)}</ul>
							{alone && <p class="quiet">{say(you.mayDirect ? "nobody_else" : "nobody_else_guest")}</p>}
						</section>
					)}
					{away.length > 0 && (
						<section aria-labelledby="seats-away">
							<h2 id="seats-away">{say("place_away")}</h2>
							<ul class="seats">{cards(away)}</ul>
						</section>
					)}
				</div>
				{you.mayDirect && (
					<aside class="studio-side stack">
						<Button square icon="people" onClick={() => setInviting({ for: "anybody" })}>
							{say("invite")}
						</Button>
						{mayBeLate && <LateReason studio={studio} />}
					</aside>
				)}
			</div>
			<Desk studio={studio} />
			<InviteDialog studio={studio} inviting={inviting} onClose={() => setInviting(undefined)} />
		</>
	);
}

/** Everything that is not as it should be, each as a sentence with its next step. */
function Notices({ studio }: { studio: Studio }) {
	const say = useWords(studioWords);
	const sayStaff = useWords(staffWords);
	const language = useLanguage();
	const snapshot = studio.snapshot.value;
	const connection = studio.connection.value;
	const trouble = studio.trouble.value;
	if (!snapshot) return null;
	const doorsUnixMs = snapshot.announcedStartUnixMs - 15 * 60_000;
	return (
		<div class="studio-notices stack">
			{snapshot.warnings.map((key) => (
				<Notice key={key} tone="wait" urgent={key === "disk_full"}>
					{key === "disk_full" ? <strong class="loud">{warningSentence(say, key)}</strong> : warningSentence(say, key)}
				</Notice>
			))}
			{!studio.fresh.value && <Notice tone="wait">{say("stale")}</Notice>}
			{snapshot.phase === "announced" && (
				<Notice>{say("doors_at", { time: dayAndTime(doorsUnixMs, language) })}</Notice>
			)}
			{snapshot.phase === "waiting_for_host" && snapshot.you.mayDirect && (
				<Notice tone="wait">{say("waiting_hint")}</Notice>
			)}
			{snapshot.phase === "interrupted" && <Notice tone="wait">{say("interrupted_hint")}</Notice>}
			<MicrophoneTrouble studio={studio} />
			{connection.state === "refused" && (
				<Notice
					tone="problem"
					urgent
					action={
						<Button square onClick={() => studio.connectAgain()}>
							{say("connect_again")}
						</Button>
					}
				>
					{connection.reason === "unsupported"
						? say("refused_unsupported", { code: connection.code ?? "400" })
						: say(`refused_${connection.reason}`)}
				</Notice>
			)}
			{studio.headphones.blocked.value && (
				<Notice
					tone="wait"
					urgent
					action={
						<Button square kind="act" onClick={() => studio.hear()}>
							{say("hear_now")}
						</Button>
					}
				>
					{say("hear_blocked")}
				</Notice>
			)}
			{trouble && (
				<Notice
					tone="problem"
					urgent
					action={
						<Button
							square
							onClick={() => {
								studio.trouble.value = undefined;
							}}
						>
							{say("close")}
						</Button>
					}
				>
					{problemSentence(sayStaff, trouble.status, trouble.problem)}
				</Notice>
			)}
		</div>
	);
}

/** A start within this of the announced one is in time. */
const LATE_FROM_MS = 60_000;
const LATE_REASON_MAX = 300;

/** Why it begins late, in the host's words; the listeners' page shows it at once. */
function LateReason({ studio }: { studio: Studio }) {
	const say = useWords(studioWords);
	const current = studio.snapshot.value?.lateReason ?? "";
	const [text, setText] = useState(current);
	const [edited, setEdited] = useState(false);
	const [said, setSaid] = useState<"late_saved" | "late_cleared" | undefined>();
	useEffect(() => {
		if (!edited) setText(current);
	}, [current, edited]);
	const submit = async (event: Event) => {
		event.preventDefault();
		if (!(await studio.sayWhyLate(text.trim()))) return;
		setEdited(false);
		setSaid(text.trim() ? "late_saved" : "late_cleared");
	};
	return (
		<form class="late stack" onSubmit={(event) => void submit(event)}>
			<h2>{say("late_title")}</h2>
			<Field label={say("late_label")} hint={say("late_hint")}>
				{(ids) => (
					<input
						{...ids}
						maxLength={LATE_REASON_MAX}
						value={text}
						onInput={(event) => {
							setText(event.currentTarget.value);
							setEdited(true);
							setSaid(undefined);
						}}
					/>
				)}
			</Field>
			<div class="actions">
				<Button square type="submit" disabled={!edited || text.trim() === current}>
					{say("late_save")}
				</Button>
				<span class="small quiet" role="status">
					{said && say(said)}
				</span>
			</div>
		</form>
	);
}
