import { useEffect } from "preact/hooks";
import { LinkButton, Notice } from "../look/parts.tsx";
import { showPage } from "../staff/frame.tsx";
import { useWords } from "../words/context.tsx";
import { staffWords } from "../words/staff.ts";
import { studioWords } from "../words/staff-studio.ts";
import "./studio.css";
import { PreflightCheck } from "./check.tsx";
import { Gate } from "./gate.tsx";
import { Over } from "./over.tsx";
import { Room } from "./room.tsx";
import { Studio } from "./studio.ts";
import { TopBar } from "./top-bar.tsx";

/** `/studio?interview=<id>[&seat=<id>]`. */
const query = new URLSearchParams(window.location.search);
const studio = new Studio(query.get("interview") ?? "", query.get("seat") ?? undefined);

showPage((switchLanguage) => <StudioPage studio={studio} switchLanguage={switchLanguage} />);

function StudioPage({ studio, switchLanguage }: { studio: Studio; switchLanguage: () => void }) {
	const say = useWords(studioWords);
	const sayStaff = useWords(staffWords);
	const snapshot = studio.snapshot.value;
	const over = snapshot?.phase === "ended" || snapshot?.phase === "cancelled";
	const onAir = studio.onAir.value;
	useEffect(() => {
		document.title = `${onAir ? `● ${say("on_air")} · ` : ""}${snapshot?.title ?? say("studio")}`;
	}, [onAir, snapshot?.title, say]);
	const refused = studio.refused.value;
	return (
		<div
			class="studio"
			data-air={onAir || undefined}
			data-phase={snapshot?.phase}
			data-step={studio.step.value}
			data-connection={studio.connection.value.state}
		>
			<TopBar studio={studio} switchLanguage={switchLanguage} />
			<main>
				{refused !== undefined && !over ? (
					<section class="studio-narrow">
						<Notice tone="problem" urgent>
							{refused === 401 ? sayStaff("signed_out") : say(refused === 403 ? "refused_not_allowed" : "refused_gone")}
						</Notice>
						{snapshot?.you.role === "host" && (
							<div class="actions">
								<LinkButton href="/">{say("back_to_list")}</LinkButton>
							</div>
						)}
					</section>
				) : over ? (
					<Over studio={studio} />
				) : snapshot === undefined ? (
					<p class="studio-narrow quiet" role="status">
						{sayStaff("loading")}
					</p>
				) : studio.step.value === "gate" ? (
					<Gate studio={studio} />
				) : studio.step.value === "check" ? (
					<PreflightCheck studio={studio} />
				) : (
					<Room studio={studio} />
				)}
			</main>
			<p class="for-ears" aria-live="assertive">
				<OnAirAnnouncement studio={studio} />
			</p>
		</div>
	);
}

/** The one thing that interrupts a screen reader. Empty until it changed once, so that a reload does not shout. */
function OnAirAnnouncement({ studio }: { studio: Studio }) {
	const say = useWords(studioWords);
	const heard = studio.onAir.value;
	const wasHeard = studio.wasOnAir.value;
	return <>{heard ? say("you_air") : wasHeard ? say("you_off") : ""}</>;
}
