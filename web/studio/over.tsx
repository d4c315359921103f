import { LinkButton } from "../look/parts.tsx";
import { useLanguage, useWords } from "../words/context.tsx";
import { studioWords } from "../words/staff-studio.ts";
import { duration } from "../words/time.ts";
import type { Studio } from "./studio.ts";

/** After the end: where the recording is, and that nobody is heard any more. */
export function Over({ studio }: { studio: Studio }) {
	const say = useWords(studioWords);
	const language = useLanguage();
	const snapshot = studio.snapshot.value;
	if (!snapshot) return null;
	const { phase, onAirUnixMs, endedUnixMs, publicUrl, you } = snapshot;
	const cancelled = phase === "cancelled";
	return (
		<section class="studio-narrow" aria-labelledby="over-title" aria-live="polite">
			<h1 id="over-title">{say(cancelled ? "cancelled_title" : "ended_title")}</h1>
			{!cancelled && onAirUnixMs !== null && endedUnixMs !== null && (
				<>
					<p>{say("ended_lasted", { time: duration(endedUnixMs - onAirUnixMs, language, "long") })}</p>
					<p>{say("ended_recording")}</p>
				</>
			)}
			{!cancelled && onAirUnixMs === null && <p>{say("ended_never")}</p>}
			<p class="quiet">{say("microphone_is_off")}</p>
			<div class="actions">
				{!cancelled && onAirUnixMs !== null && (
					<>
						<LinkButton href={publicUrl} kind="act" icon="play">
							{say("ended_open")}
						</LinkButton>
						<LinkButton href={`${publicUrl}/recording.m4a`} download icon="download">
							{say("ended_download")}
						</LinkButton>
					</>
				)}
				{you.role === "host" && <LinkButton href="/">{say("back_to_list")}</LinkButton>}
			</div>
		</section>
	);
}
