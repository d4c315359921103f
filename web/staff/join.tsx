import { useEffect, useState } from "preact/hooks";
import type * as z from "zod/mini";
import type { invitationLook, Me, redeemAnswer } from "#wire/staff.ts";
import { Button, Check, LinkButton, Notice, StateWord } from "../look/parts.tsx";
import { useLanguage, useWords } from "../words/context.tsx";
import { staffWords } from "../words/staff.ts";
import { dayAndTime } from "../words/time.ts";
import { type Answer, ask, takeSecret } from "./api.ts";
import { StaffFrame, showPage } from "./frame.tsx";
import { problemSentence } from "./problem.ts";
import "./staff.css";

/** `/join#<secret>`. Looking spends nothing; agreeing does. */
const token = takeSecret();

type Look = z.infer<typeof invitationLook>;

showPage((switchLanguage) => <Join switchLanguage={switchLanguage} />);

function Join({ switchLanguage }: { switchLanguage: () => void }) {
	const say = useWords(staffWords);
	const [look, setLook] = useState<Answer<Look> | undefined>();
	const [seats, setSeats] = useState<Me["seats"]>([]);
	const load = async () => {
		setLook(undefined);
		const [looked, me] = await Promise.all([ask<Look>("POST", "/invitations/look", { token }), ask<Me>("GET", "/me")]);
		if (me.ok) setSeats(me.value.seats);
		setLook(looked);
	};
	useEffect(() => {
		document.title = `${say("join_title")} · Rostra`;
	}, [say]);
	useEffect(() => {
		if (token) void load();
	}, []);
	return (
		<StaffFrame switchLanguage={switchLanguage}>
			<section class="narrow">
				{!token ? (
					<>
						<h1>{say("join_title")}</h1>
						<Notice tone="problem" urgent>
							{say("invitation_missing")}
						</Notice>
					</>
				) : look === undefined ? (
					<p class="quiet" role="status">
						{say("loading")}
					</p>
				) : look.ok ? (
					<Agreement look={look.value} />
				) : (
					<Refused answer={look} seats={seats} onAgain={() => void load()} />
				)}
			</section>
		</StaffFrame>
	);
}

function Agreement({ look }: { look: Look }) {
	const say = useWords(staffWords);
	const language = useLanguage();
	const [agreed, setAgreed] = useState(false);
	const [busy, setBusy] = useState(false);
	const [trouble, setTrouble] = useState<string | undefined>();
	const over = look.phase === "ended" || look.phase === "cancelled";
	const submit = async (event: Event) => {
		event.preventDefault();
		if (!agreed) return setTrouble(say("join_consent_missing"));
		setBusy(true);
		const answer = await ask<z.infer<typeof redeemAnswer>>("POST", "/invitations/redeem", { token, consent: true });
		if (answer.ok) {
			return window.location.replace(studioAddress(answer.value));
		}
		setBusy(false);
		setTrouble(refusalSentence(say, answer, look.hostName));
	};
	return (
		<form class="stack" onSubmit={(event) => void submit(event)}>
			<p class="quiet">{say("join_title")}</p>
			<h1>{look.title}</h1>
			<p class="facts">
				{look.phase === "on_air" ? (
					<StateWord tone="air">{say("join_running")}</StateWord>
				) : (
					<span>{say("join_begins", { time: dayAndTime(look.announcedStartUnixMs, language, look.timeZone) })}</span>
				)}
				<span>{say("join_with", { host: look.hostName })}</span>
			</p>
			{over ? (
				<Notice>{say("invitation_over")}</Notice>
			) : (
				<>
					<p>{say("join_as", { name: look.name })}</p>
					<h2>{say("join_facts_title")}</h2>
					<ul class="terms">
						<li>{say("join_fact_broadcast")}</li>
						<li>{say("join_fact_recorded")}</li>
						<li>{say("join_fact_green")}</li>
						<li>{say("join_fact_name")}</li>
					</ul>
					<Check
						checked={agreed}
						onChange={(on) => {
							setAgreed(on);
							setTrouble(undefined);
						}}
					>
						<strong>{say("join_yes")}</strong>
					</Check>
					{trouble && (
						<Notice tone="problem" urgent>
							{trouble}
						</Notice>
					)}
					<div class="actions">
						<Button kind="act" size="large" type="submit" disabled={busy}>
							{say("join_go")}
						</Button>
					</div>
					<p class="small quiet">{say("join_need")}</p>
				</>
			)}
		</form>
	);
}

function Refused({
	answer,
	seats,
	onAgain,
}: {
	answer: Extract<Answer<unknown>, { ok: false }>;
	seats: Me["seats"];
	onAgain: () => void;
}) {
	const say = useWords(staffWords);
	const retry = answer.status === 0 || answer.status >= 500 || answer.status === 429;
	return (
		<>
			<h1>{say("join_title")}</h1>
			<Notice tone="problem" urgent action={retry && <Button onClick={onAgain}>{say("again")}</Button>}>
				{refusalSentence(say, answer, undefined)}
			</Notice>
			{seats.length > 0 && (
				<div class="stack">
					<p>{say("already_joined")}</p>
					{seats.map((seat) => (
						<div class="actions" key={seat.seatId}>
							<LinkButton kind="act" href={studioAddress(seat)}>
								{say("to_studio")}: {seat.title}
							</LinkButton>
						</div>
					))}
				</div>
			)}
		</>
	);
}

/** Names the seat: this browser may have several in one interview. */
function studioAddress({ interviewId, seatId }: { interviewId: string; seatId: string }): string {
	return `/studio?${new URLSearchParams({ interview: interviewId, seat: seatId })}`;
}

/** Which of the three it is, and whom to ask. */
function refusalSentence(
	say: ReturnType<typeof useWords<typeof staffWords>>,
	answer: Extract<Answer<unknown>, { ok: false }>,
	hostName: string | undefined,
): string {
	const host = hostName ?? answer.problem.ask ?? say("the_host");
	switch (answer.problem.code) {
		case "invitation_expired":
			return say("invitation_expired", { host });
		case "invitation_used":
			return say("invitation_used", { host });
		case "invitation_foreign":
			return say("invitation_foreign");
		case "over":
			return say("invitation_over");
		case "consent_missing":
			return say("join_consent_missing");
		default:
			return problemSentence(say, answer.status, answer.problem);
	}
}
