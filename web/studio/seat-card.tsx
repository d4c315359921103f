import { useId, useState } from "preact/hooks";
import { Button, Card, Dialog, Meter } from "../look/parts.tsx";
import { commonWords } from "../words/common.ts";
import { useWords } from "../words/context.tsx";
import { studioWords } from "../words/staff-studio.ts";
import type { Seat } from "./advice.ts";
import type { Studio } from "./studio.ts";

const GAIN_MAX_DB = 24;

/** One speaker: who, how loud, how well connected, one sentence of advice with its repair, and what a director may do. */
export function SeatCard({ studio, seat, onNewLink }: { studio: Studio; seat: Seat; onNewLink: (seat: Seat) => void }) {
	const say = useWords(studioWords);
	const sayCommon = useWords(commonWords);
	const snapshot = studio.snapshot.value;
	const isYou = snapshot?.you.seatId === seat.seatId;
	const mayDirect = snapshot?.you.mayDirect ?? false;
	const here = seat.connection !== "absent";
	// Told by the server twice a second at least; one's own meter is quicker.
	const level = isYou && !seat.muted && !studio.coughing.value ? studio.voice.levelDbfs.value : seat.levelDbfs;
	const { name } = seat;
	const headingId = useId();
	return (
		<li>
			<Card
				class="seat"
				current={seat.speaking && !seat.muted && here}
				absent={!here || seat.connection === "lost"}
				role="group"
				aria-labelledby={headingId}
			>
				<div class="seat-head">
					<h3 id={headingId}>{name}</h3>
					<span class="seat-role">
						{sayCommon(seat.role)}
						{isYou && ` · ${say("you")}`}
						{seat.speaking && here && !seat.muted && <span class="for-ears">, {say("is_speaking")}</span>}
					</span>
				</div>
				{here && <Meter levelDbfs={seat.muted ? -100 : level} label={say("level_of", { name })} />}
				<SeatAdvice studio={studio} seat={seat} isYou={isYou} mayDirect={mayDirect} />
				{mayDirect && <SeatDirection studio={studio} seat={seat} isYou={isYou} onNewLink={onNewLink} />}
			</Card>
		</li>
	);
}

function SeatAdvice({
	studio,
	seat,
	isYou,
	mayDirect,
}: {
	studio: Studio;
	seat: Seat;
	isYou: boolean;
	mayDirect: boolean;
}) {
	const say = useWords(studioWords);
	const advice = studio.advisor.of(seat, studio.nowMs.value);
	const sentence =
		isYou && advice.key === "advice_silent"
			? say("advice_silent_you")
			: isYou && advice.key === "advice_low"
				? say("advice_low_you")
				: isYou && advice.key === "advice_high"
					? say("advice_high_you")
					: say(advice.key, { ...advice.values, name: seat.name });
	const { gainDb } = advice;
	return (
		<p class="advice" data-tone={advice.tone}>
			{sentence}{" "}
			{gainDb !== undefined && mayDirect && (
				<button
					type="button"
					class="repair"
					onClick={() => void studio.changeSeat(seat.seatId, { gainDb: seat.gainDb + gainDb })}
				>
					{say(gainDb > 0 ? "raise" : "lower")}
				</button>
			)}
		</p>
	);
}

function SeatDirection({
	studio,
	seat,
	isYou,
	onNewLink,
}: {
	studio: Studio;
	seat: Seat;
	isYou: boolean;
	onNewLink: (seat: Seat) => void;
}) {
	const say = useWords(studioWords);
	const sayStaffCancel = say("go_on");
	const gainId = useId();
	const [open, setOpen] = useState(false);
	const [removing, setRemoving] = useState(false);
	const { name, seatId } = seat;
	const onAir = studio.snapshot.value?.phase === "on_air" || studio.snapshot.value?.phase === "interrupted";
	const here = seat.connection !== "absent";
	const canMute = here && seat.place !== "check" && !isYou;
	return (
		<div class="seat-direction">
			<div class="actions">
				{here && onAir && seat.place === "green" && (
					<Button kind="act" square onClick={() => void studio.changeSeat(seatId, { place: "air" })}>
						{say("bring_on_air")}
					</Button>
				)}
				{canMute && (
					<Button
						square
						icon={seat.muted ? "muted" : "microphone"}
						aria-pressed={seat.muted}
						aria-label={say(seat.muted ? "unmute_name" : "mute_name", { name })}
						onClick={() => void studio.changeSeat(seatId, { muted: !seat.muted })}
					>
						{say(seat.muted ? "unmute" : "mute")}
					</Button>
				)}
				{!here && !isYou && (
					<Button square icon="link" onClick={() => onNewLink(seat)}>
						{say("new_link")}
					</Button>
				)}
				<Button square kind="bare" icon="more" aria-expanded={open} onClick={() => setOpen(!open)}>
					<span class="for-ears">{say("more_of", { name })}</span>
				</Button>
			</div>
			{open && (
				<div class="seat-more stack">
					{here && (
						<div class="volume">
							<label for={gainId}>{say("gain")}</label>
							<input
								id={gainId}
								type="range"
								min={-GAIN_MAX_DB}
								max={GAIN_MAX_DB}
								step={1}
								value={seat.gainDb}
								aria-label={say("gain_of", { name })}
								aria-valuetext={say("gain_value", { db: seat.gainDb })}
								onChange={(event) => void studio.changeSeat(seatId, { gainDb: Number(event.currentTarget.value) })}
							/>
							<output for={gainId}>
								{say("gain_value", { db: seat.gainDb > 0 ? `+${seat.gainDb}` : seat.gainDb })}
							</output>
						</div>
					)}
					<div class="actions">
						{here && onAir && seat.place === "air" && (
							<Button square onClick={() => void studio.changeSeat(seatId, { place: "green" })}>
								{say("take_off_air")}
							</Button>
						)}
						{seat.role !== "host" && (
							<Button
								square
								onClick={() => void studio.changeSeat(seatId, { role: seat.role === "guest" ? "co_host" : "guest" })}
							>
								{say(seat.role === "guest" ? "make_co_host" : "make_guest")}
							</Button>
						)}
						{here && !isYou && seat.role !== "host" && (
							<Button square icon="link" onClick={() => onNewLink(seat)}>
								{say("new_link")}
							</Button>
						)}
						{!isYou && seat.role !== "host" && (
							<Button square onClick={() => setRemoving(true)}>
								{say("remove")}
							</Button>
						)}
					</div>
				</div>
			)}
			<Dialog
				open={removing}
				title={say("remove_title", { name })}
				onClose={() => setRemoving(false)}
				actions={
					<>
						<Button square onClick={() => setRemoving(false)}>
							{sayStaffCancel}
						</Button>
						<Button
							square
							kind="grave"
							onClick={() => {
								setRemoving(false);
								void studio.removeSeat(seatId);
							}}
						>
							{say("remove")}
						</Button>
					</>
				}
			>
				<p>{say("remove_question")}</p>
			</Dialog>
		</div>
	);
}
