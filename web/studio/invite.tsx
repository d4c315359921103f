import { useState } from "preact/hooks";
import type { InvitationLink } from "#wire/staff.ts";
import { Button, Check, Dialog, Field, Notice } from "../look/parts.tsx";
import type { Answer } from "../staff/api.ts";
import { CopyField } from "../staff/copy.tsx";
import { problemSentence } from "../staff/problem.ts";
import { useLanguage, useWords } from "../words/context.tsx";
import { staffWords } from "../words/staff.ts";
import { studioWords } from "../words/staff-studio.ts";
import { dayAndTime } from "../words/time.ts";
import type { Seat } from "./advice.ts";
import type { Studio } from "./studio.ts";

/** What the invitation dialog is open for: a new person, or a new link for somebody known. */
export type Inviting = { readonly for: "anybody" } | { readonly for: "seat"; readonly seat: Seat };

export function InviteDialog({
	studio,
	inviting,
	onClose,
}: {
	studio: Studio;
	inviting: Inviting | undefined;
	onClose: () => void;
}) {
	const say = useWords(studioWords);
	const [link, setLink] = useState<InvitationLink | undefined>();
	const close = () => {
		setLink(undefined);
		onClose();
	};
	return (
		<Dialog
			open={inviting !== undefined}
			title={link ? say("invite_link", { name: link.name }) : say("invite_title")}
			onClose={close}
			actions={
				<Button square onClick={close}>
					{say(link ? "done" : "close")}
				</Button>
			}
		>
			{link ? (
				<LinkShown link={link} />
			) : inviting?.for === "seat" ? (
				<RenewForm studio={studio} seat={inviting.seat} onLink={setLink} />
			) : (
				<InviteForm studio={studio} onLink={setLink} />
			)}
		</Dialog>
	);
}

export function LinkShown({ link }: { link: InvitationLink }) {
	const say = useWords(studioWords);
	const language = useLanguage();
	return (
		<div class="stack">
			<p>{say("invite_done", { name: link.name })}</p>
			<CopyField label={say("invite_link", { name: link.name })} value={link.url} />
			<p class="small quiet">{say("invite_expires", { time: dayAndTime(link.expiresUnixMs, language) })}</p>
		</div>
	);
}

function useAsk(onLink: (link: InvitationLink) => void) {
	const sayStaff = useWords(staffWords);
	const [trouble, setTrouble] = useState<string | undefined>();
	const [busy, setBusy] = useState(false);
	const run = async (asked: Promise<Answer<InvitationLink>>) => {
		setBusy(true);
		const answer = await asked;
		setBusy(false);
		if (answer.ok) onLink(answer.value);
		else setTrouble(problemSentence(sayStaff, answer.status, answer.problem));
	};
	return { run, busy, trouble };
}

function InviteForm({ studio, onLink }: { studio: Studio; onLink: (link: InvitationLink) => void }) {
	const say = useWords(studioWords);
	const { run, busy, trouble } = useAsk(onLink);
	const [name, setName] = useState("");
	const [directs, setDirects] = useState(false);
	const submit = (event: Event) => {
		event.preventDefault();
		if (name.trim()) void run(studio.invite(name.trim(), directs ? "co_host" : "guest"));
	};
	return (
		<form class="stack" onSubmit={submit}>
			<Field label={say("invite_name")} error={trouble}>
				{(ids) => (
					<input
						{...ids}
						required
						maxLength={80}
						autocomplete="off"
						value={name}
						onInput={(event) => setName(event.currentTarget.value)}
					/>
				)}
			</Field>
			<Check checked={directs} onChange={setDirects}>
				{say("invite_role")}
				<br />
				<span class="small quiet">{say("invite_role_hint")}</span>
			</Check>
			<Button kind="act" square type="submit" disabled={busy}>
				{say("invite_make")}
			</Button>
		</form>
	);
}

function RenewForm({ studio, seat, onLink }: { studio: Studio; seat: Seat; onLink: (link: InvitationLink) => void }) {
	const say = useWords(studioWords);
	const { run, busy, trouble } = useAsk(onLink);
	return (
		<div class="stack">
			{trouble && (
				<Notice tone="problem" urgent>
					{trouble}
				</Notice>
			)}
			<p>{say("renew_hint", { name: seat.name })}</p>
			<Button kind="act" square disabled={busy} onClick={() => void run(studio.newLink(seat.seatId))}>
				{say("invite_make")}
			</Button>
		</div>
	);
}
