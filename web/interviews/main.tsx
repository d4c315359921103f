import { useEffect, useRef, useState } from "preact/hooks";
import type { InterviewView, InvitationLink, Me } from "#wire/staff.ts";
import { Button, Card, Dialog, Notice } from "../look/parts.tsx";
import { type Answer, ask } from "../staff/api.ts";
import { CopyField } from "../staff/copy.tsx";
import { StaffFrame, showPage } from "../staff/frame.tsx";
import { problemSentence } from "../staff/problem.ts";
import { useWords } from "../words/context.tsx";
import { staffWords } from "../words/staff.ts";
import { interviewsWords } from "../words/staff-interviews.ts";
import { Entry } from "./entry.tsx";
import { InterviewForm } from "./form.tsx";
import "./interviews.css";

/** Often enough that a phase on this page is not a lie for long. */
const REFRESH_MS = 4_000;

showPage((switchLanguage) => <Interviews switchLanguage={switchLanguage} />);

/** Part of the address, so that the browser's way back leads back. */
function viewOfHash(): { view: "list" } | { view: "new" } | { view: "edit"; interviewId: string } {
	const hash = window.location.hash.slice(1);
	if (hash === "new") return { view: "new" };
	if (hash.startsWith("edit-")) return { view: "edit", interviewId: decodeURIComponent(hash.slice(5)) };
	return { view: "list" };
}

function Interviews({ switchLanguage }: { switchLanguage: () => void }) {
	const say = useWords(interviewsWords);
	const sayStaff = useWords(staffWords);
	const [answer, setAnswer] = useState<Answer<InterviewView[]> | undefined>();
	const [me, setMe] = useState<Me | undefined>();
	const [view, setView] = useState(viewOfHash);
	const [links, setLinks] = useState<readonly InvitationLink[]>([]);
	const heading = useRef<HTMLHeadingElement>(null);

	const load = async () => setAnswer(await ask<InterviewView[]>("GET", "/interviews"));
	useEffect(() => {
		document.title = `${say("title")} · Rostra`;
	}, [say]);
	useEffect(() => {
		void load();
		void ask<Me>("GET", "/me").then((found) => found.ok && setMe(found.value));
		const timer = window.setInterval(() => document.visibilityState === "visible" && void load(), REFRESH_MS);
		const hash = () => {
			setView(viewOfHash());
			window.scrollTo(0, 0);
		};
		window.addEventListener("hashchange", hash);
		return () => {
			window.clearInterval(timer);
			window.removeEventListener("hashchange", hash);
		};
	}, []);
	const toList = () => {
		window.location.hash = "";
		void load();
	};
	const created = async (interview: InterviewView) => {
		toList();
		const guests = interview.people.filter((person) => person.role !== "host");
		const made: InvitationLink[] = [];
		for (const guest of guests) {
			const path = `/interviews/${encodeURIComponent(interview.interviewId)}/people/${encodeURIComponent(guest.seatId)}/invitation`;
			const link = await ask<InvitationLink>("POST", path);
			if (link.ok) made.push(link.value);
		}
		setLinks(made);
		void load();
	};

	if (answer === undefined) {
		return (
			<StaffFrame signedIn current="interviews" switchLanguage={switchLanguage}>
				<p class="quiet" role="status">
					{sayStaff("loading")}
				</p>
			</StaffFrame>
		);
	}
	if (!answer.ok && answer.status === 401) {
		return (
			<StaffFrame switchLanguage={switchLanguage}>
				<section class="narrow">
					<h1>{sayStaff("sign_in_title")}</h1>
					<Notice tone="problem">
						{sayStaff("sign_in_no_link")} <code>npm run -s rostra -- sign-in</code>
					</Notice>
				</section>
			</StaffFrame>
		);
	}
	const list = answer.ok ? answer.value : [];
	const edited = view.view === "edit" ? list.find((each) => each.interviewId === view.interviewId) : undefined;
	const over = (each: InterviewView) => each.phase === "ended" || each.phase === "cancelled";
	const groups = [
		["group_now", list.filter((each) => !over(each) && each.phase !== "announced")],
		["group_coming", list.filter((each) => each.phase === "announced").reverse()],
		["group_over", list.filter(over)],
	] as const;
	return (
		<StaffFrame signedIn current="interviews" switchLanguage={switchLanguage}>
			{view.view === "new" || edited ? (
				<InterviewForm
					key={edited?.interviewId ?? "new"}
					before={edited}
					hostName={me?.name ?? ""}
					onBack={toList}
					onDone={edited ? toList : (interview) => void created(interview)}
				/>
			) : (
				<>
					<div class="title-row">
						<h1 ref={heading}>{say("title")}</h1>
						{list.length > 0 && (
							<Button kind="act" onClick={() => (window.location.hash = "new")}>
								{say("create")}
							</Button>
						)}
					</div>
					{!answer.ok && (
						<Notice tone="problem" urgent>
							{problemSentence(sayStaff, answer.status, answer.problem)}
						</Notice>
					)}
					{answer.ok && list.length === 0 && (
						<Card class="empty">
							<h2>{say("empty_title")}</h2>
							<p>{say("empty")}</p>
							<div class="actions">
								<Button kind="act" size="large" onClick={() => (window.location.hash = "new")}>
									{say("create")}
								</Button>
							</div>
						</Card>
					)}
					{groups.map(
						([name, interviews]) =>
							interviews.length > 0 && (
								<section key={name} class="stack" aria-labelledby={name}>
									<h2 id={name}>{say(name)}</h2>
									<ul class="entries">
										{interviews.map((interview) => (
											<Entry
												key={interview.interviewId}
												interview={interview}
												onEdit={() => (window.location.hash = `edit-${encodeURIComponent(interview.interviewId)}`)}
												onChanged={() => void load()}
												onLinks={setLinks}
											/>
										))}
									</ul>
								</section>
							),
					)}
				</>
			)}
			<Dialog
				open={links.length > 0}
				title={links.length === 1 ? say("link_for", { name: links[0]?.name ?? "" }) : say("links_title")}
				onClose={() => setLinks([])}
				actions={<Button onClick={() => setLinks([])}>{say("done")}</Button>}
			>
				<p>{say("links_hint")}</p>
				{links.map((link) => (
					<CopyField key={link.seatId} label={say("link_for", { name: link.name })} value={link.url} />
				))}
			</Dialog>
		</StaffFrame>
	);
}
