import { useEffect, useState } from "preact/hooks";
import { Button, Meter } from "../look/parts.tsx";
import { useWords } from "../words/context.tsx";
import { preflightWords } from "../words/staff-preflight.ts";
import { studioWords } from "../words/staff-studio.ts";
import { Settings, Volume } from "./settings.tsx";
import type { Studio } from "./studio.ts";

/** The keys at the bottom: own microphone, cough, the others, and one sentence about oneself. */
export function Desk({ studio }: { studio: Studio }) {
	const say = useWords(studioWords);
	const [open, setOpen] = useState(false);
	const snapshot = studio.snapshot.value;
	const muted = studio.wantsMute.value;
	const coughing = studio.coughing.value;
	const others = snapshot?.seats.filter(
		(s) => s.seatId !== snapshot.you.seatId && s.place !== "check" && s.connection !== "absent",
	);
	const othersMuted = others !== undefined && others.length > 0 && others.every((seat) => seat.muted);
	useCoughKey(studio);
	return (
		<section class="desk" aria-label={say("desk")}>
			{open && (
				<div class="desk-settings" id="desk-settings">
					<Settings studio={studio} part="all" />
					{!studio.onAir.value && (
						<Button square onClick={() => void studio.checkAgain()}>
							{say("check_again")}
						</Button>
					)}
				</div>
			)}
			<div class="desk-keys">
				<Button
					square
					size="large"
					class="key-mic"
					icon={muted ? "muted" : "microphone"}
					aria-pressed={!muted}
					onClick={() => studio.toggleMute()}
				>
					{say(muted ? "mic_off" : "mic_on")}
				</Button>
				<Button
					square
					size="large"
					class="key-cough"
					aria-pressed={coughing}
					onPointerDown={(event) => {
						event.currentTarget.setPointerCapture(event.pointerId);
						studio.cough(true);
					}}
					onPointerUp={() => studio.cough(false)}
					onPointerCancel={() => studio.cough(false)}
					onKeyDown={(event) => {
						if (event.key === " " || event.key === "Enter") studio.cough(true);
					}}
					onKeyUp={() => studio.cough(false)}
					onBlur={() => studio.cough(false)}
					onContextMenu={(event) => event.preventDefault()}
				>
					{say("cough")}
				</Button>
				{snapshot?.you.mayDirect && others !== undefined && others.length > 0 && (
					<Button square size="large" aria-pressed={othersMuted} onClick={() => void studio.muteOthers(!othersMuted)}>
						{say(othersMuted ? "unmute_others" : "mute_others")}
					</Button>
				)}
				<Button
					square
					size="large"
					class="key-sound"
					aria-expanded={open}
					aria-controls={open ? "desk-settings" : undefined}
					onClick={() => setOpen(!open)}
				>
					{say("sound")}
				</Button>
				<div class="desk-volume">
					<Volume studio={studio} />
				</div>
				<div class="desk-own">
					<Meter levelDbfs={studio.voice.levelDbfs.value} label={say("desk")} />
					<OwnSentence studio={studio} />
				</div>
			</div>
		</section>
	);
}

/** What is true of one's own voice now; worst first. Changes politely for ears; on air has an announcer of its own. */
function OwnSentence({ studio }: { studio: Studio }) {
	const say = useWords(studioWords);
	const sayCheck = useWords(preflightWords);
	const { state } = studio.connection.value;
	const microphone = studio.microphone.value.state;
	const live = studio.snapshot.value?.phase === "on_air";
	const place = studio.you.value?.place;
	const problem = studio.voice.problem.value;
	const sentence = (): { text: string; tone: "quiet" | "air" | "wait" } => {
		if (!(studio.snapshot.value?.stageReady ?? true) && state !== "connected") {
			return { text: say("stage_starting"), tone: "wait" };
		}
		if (state === "waiting" || (state === "connecting" && live) || (state === "offering" && live)) {
			return { text: say(live && place === "air" ? "you_returning" : "you_returning_off_air"), tone: "wait" };
		}
		if (state !== "connected") return { text: say("you_connecting"), tone: "wait" };
		if (microphone !== "ready" && microphone !== "interrupted") return { text: say("mic_without"), tone: "wait" };
		if (studio.speakingMuted.value) return { text: say("you_muted_speaking"), tone: "wait" };
		if (studio.wantsMute.value) return { text: say("you_muted"), tone: "quiet" };
		if (studio.coughing.value) return { text: say("you_cough"), tone: "quiet" };
		if (studio.voice.echo.value) {
			return {
				text: `${sayCheck("echo")} ${sayCheck(studio.raw.value ? "echo_repair_raw" : "echo_repair")}`,
				tone: "wait",
			};
		}
		if (problem !== undefined && problem !== "telephone_quality") {
			return { text: `${sayCheck(problem)} ${sayCheck(`${problem}_repair`)}`, tone: "wait" };
		}
		if (studio.onAir.value) {
			return {
				text: studio.voice.levelRight.value ? `${say("you_air")} ${say("you_level_right")}` : say("you_air"),
				tone: "air",
			};
		}
		return { text: say(live ? "you_green_live" : "you_green"), tone: "quiet" };
	};
	const { text, tone } = sentence();
	return (
		<p class="own-sentence" data-tone={tone}>
			<span aria-live="polite">{text}</span> <span class="hint-space">{say("you_space")}</span>
		</p>
	);
}

/**
 * Holding the space bar holds the cough, except where space has a meaning of its own. A key pressed with the
 * mouse gives the focus back, so that space does not press it again.
 */
function useCoughKey(studio: Studio): void {
	useEffect(() => {
		const own = (target: EventTarget | null) =>
			target instanceof Element && target.closest("button, input, select, textarea, a, dialog, summary") !== null;
		const down = (event: KeyboardEvent) => {
			if (event.key !== " " || own(event.target)) return;
			event.preventDefault();
			if (!event.repeat) studio.cough(true);
		};
		const up = (event: KeyboardEvent) => {
			if (event.key === " " && studio.coughing.value) studio.cough(false);
		};
		const released = (event: MouseEvent) => {
			const active = document.activeElement;
			if (event.detail > 0 && active instanceof HTMLButtonElement && !active.closest("dialog")) active.blur();
		};
		const blur = () => studio.cough(false);
		window.addEventListener("keydown", down);
		window.addEventListener("keyup", up);
		window.addEventListener("click", released);
		window.addEventListener("blur", blur);
		return () => {
			window.removeEventListener("keydown", down);
			window.removeEventListener("keyup", up);
			window.removeEventListener("click", released);
			window.removeEventListener("blur", blur);
		};
	}, [studio]);
}
