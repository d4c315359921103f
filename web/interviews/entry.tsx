import { useState } from "preact/hooks";
import type { InterviewView, InvitationLink } from "#wire/staff.ts";
import { Button, Card, Check, Dialog, LinkButton, Notice, StateWord } from "../look/parts.tsx";
import { ask } from "../staff/api.ts";
import { CopyField } from "../staff/copy.tsx";
import { problemSentence } from "../staff/problem.ts";
import { commonWords } from "../words/common.ts";
import { useLanguage, useWords } from "../words/context.tsx";
import { staffWords } from "../words/staff.ts";
import { interviewsWords } from "../words/staff-interviews.ts";
import { clockTime, dayAndTime, duration } from "../words/time.ts";
import { bytes } from "./bytes.ts";

const TONES = {
	announced: "ready",
	doors: "ready",
	waiting_for_host: "wait",
	on_air: "air",
	interrupted: "wait",
	ended: "off",
	cancelled: "off",
} as const;

/** One interview in the list, with everything that can be done about it. */
export function Entry({
	interview,
	onEdit,
	onChanged,
	onLinks,
}: {
	interview: InterviewView;
	onEdit: () => void;
	onChanged: () => void;
	onLinks: (links: readonly InvitationLink[]) => void;
}) {
	const say = useWords(interviewsWords);
	const sayStaff = useWords(staffWords);
	const language = useLanguage();
	const [asking, setAsking] = useState<"cancel" | "delete" | undefined>();
	const [withRecording, setWithRecording] = useState(true);
	const [trouble, setTrouble] = useState<string | undefined>();
	const { interviewId, phase, title, onAirUnixMs, endedUnixMs, publicUrl, disk } = interview;
	const over = phase === "ended" || phase === "cancelled";
	const open = !over && phase !== "announced";
	const path = `/interviews/${encodeURIComponent(interviewId)}`;
	const recordedMs = onAirUnixMs !== null && endedUnixMs !== null ? endedUnixMs - onAirUnixMs : undefined;

	const run = async (method: "POST" | "DELETE", below: string) => {
		setAsking(undefined);
		const answer = await ask(method, `${path}${below}`);
		setTrouble(answer.ok ? undefined : problemSentence(sayStaff, answer.status, answer.problem));
		onChanged();
	};
	const makeLink = async (seatId: string) => {
		const answer = await ask<InvitationLink>("POST", `${path}/people/${encodeURIComponent(seatId)}/invitation`);
		if (answer.ok) onLinks([answer.value]);
		else setTrouble(problemSentence(sayStaff, answer.status, answer.problem));
		onChanged();
	};

	return (
		<li>
			<Card class="entry">
				<div class="entry-head">
					<div>
						<p class="facts">
							<StateWord tone={TONES[phase]}>{sayStaff(`phase_${phase}`)}</StateWord>
							{open && onAirUnixMs !== null ? (
								<span>{say("since", { time: clockTime(onAirUnixMs, language, interview.timeZone) })}</span>
							) : (
								<span>{dayAndTime(interview.announcedStartUnixMs, language, interview.timeZone)}</span>
							)}
							{recordedMs !== undefined && <span>{say("lasted", { time: duration(recordedMs, language) })}</span>}
							<span class="quiet">{say(interview.listed ? "listed" : "unlisted")}</span>
						</p>
						<h3>{title}</h3>
					</div>
					{!over && (
						<LinkButton
							kind="act"
							icon="microphone"
							href={`/studio?${new URLSearchParams({ interview: interviewId })}`}
						>
							{say("studio")}
						</LinkButton>
					)}
				</div>
				{interview.lateReason && !over && (
					<Notice tone="wait">{say("began_late", { reason: interview.lateReason })}</Notice>
				)}
				{trouble && (
					<Notice tone="problem" urgent>
						{trouble}
					</Notice>
				)}
				<CopyField label={say("public_address")} value={publicUrl} />
				{!over && (
					<People
						interview={interview}
						onLink={(seatId) => void makeLink(seatId)}
						onRemove={(seatId) => void run("DELETE", `/people/${encodeURIComponent(seatId)}`)}
					/>
				)}
				{!over &&
					(disk.short ? (
						<Notice tone="wait">
							{say("disk_short", { needed: bytes(disk.neededBytes, language), free: bytes(disk.freeBytes, language) })}
						</Notice>
					) : (
						<p class="small quiet">
							{say("disk", {
								needed: bytes(disk.neededBytes, language),
								minutes: interview.expectedMinutes,
								free: bytes(disk.freeBytes, language),
							})}
						</p>
					))}
				<div class="actions">
					<LinkButton href={publicUrl}>{say("open_public")}</LinkButton>
					{!over && <Button onClick={onEdit}>{say("edit")}</Button>}
					{!over && onAirUnixMs === null && <Button onClick={() => setAsking("cancel")}>{say("cancel")}</Button>}
					{!open && <Button onClick={() => setAsking("delete")}>{say("delete")}</Button>}
				</div>
			</Card>
			<Dialog
				open={asking === "cancel"}
				title={say("cancel_title", { title })}
				onClose={() => setAsking(undefined)}
				actions={
					<>
						<Button onClick={() => setAsking(undefined)}>{say("keep")}</Button>
						<Button kind="grave" onClick={() => void run("POST", "/cancel")}>
							{say("cancel_now")}
						</Button>
					</>
				}
			>
				<p>{say("cancel_question")}</p>
			</Dialog>
			<Dialog
				open={asking === "delete"}
				title={say("delete_title", { title })}
				onClose={() => setAsking(undefined)}
				actions={
					<>
						<Button onClick={() => setAsking(undefined)}>{say("keep")}</Button>
						<Button
							kind="grave"
							onClick={() =>
								void run("DELETE", `?withRecording=${recordedMs !== undefined && withRecording ? "true" : "false"}`)
							}
						>
							{say("delete_now")}
						</Button>
					</>
				}
			>
				<p>{say("delete_question")}</p>
				{recordedMs !== undefined && (
					<Check checked={withRecording} onChange={setWithRecording}>
						{say("delete_recording", { time: duration(recordedMs, language) })}
						<br />
						<span class="small quiet">{say("delete_recording_hint")}</span>
					</Check>
				)}
			</Dialog>
		</li>
	);
}

function People({
	interview,
	onLink,
	onRemove,
}: {
	interview: InterviewView;
	onLink: (seatId: string) => void;
	onRemove: (seatId: string) => void;
}) {
	const say = useWords(interviewsWords);
	const sayCommon = useWords(commonWords);
	// The first host's seat is the owner's own: it is entered from here, without a link.
	const own = interview.people.find((person) => person.role === "host" && person.invitation === "none")?.seatId;
	return (
		<div class="people" role="group" aria-label={say("people")}>
			<ul>
				{interview.people.map(({ seatId, name, role, invitation }) => (
					<li key={seatId}>
						<span class="person-name">
							{name} <span class="quiet">{sayCommon(role)}</span>
						</span>
						<span class="small quiet">{seatId === own ? say("yourself") : say(`invitation_${invitation}`)}</span>
						{seatId !== own && (
							<span class="person-actions">
								<Button icon="link" onClick={() => onLink(seatId)}>
									{say(invitation === "none" ? "make_link" : "new_link")}
									<span class="for-ears">: {name}</span>
								</Button>
								<Button kind="bare" onClick={() => onRemove(seatId)}>
									{say("remove_person")}
									<span class="for-ears">: {name}</span>
								</Button>
							</span>
						)}
					</li>
				))}
			</ul>
		</div>
	);
}
