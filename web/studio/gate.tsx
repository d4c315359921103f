import { useRef } from "preact/hooks";
import { Button, Notice } from "../look/parts.tsx";
import { useWords } from "../words/context.tsx";
import { studioWords } from "../words/staff-studio.ts";
import type { Studio } from "./studio.ts";

/** Before anything else: why the microphone is asked for, and what to do when it is not given. */
export function Gate({ studio }: { studio: Studio }) {
	const say = useWords(studioWords);
	const microphone = studio.microphone.value;
	const asking = microphone.state === "asking";
	return (
		<section class="studio-narrow" aria-labelledby="gate-title">
			<h1 id="gate-title">{say("gate_title")}</h1>
			<p>{say("gate_ask")}</p>
			<p class="quiet">{say("gate_headphones")}</p>
			<MicrophoneTrouble studio={studio} />
			<div class="actions" aria-live="polite">
				<Button
					kind="act"
					size="large"
					square
					icon="microphone"
					disabled={asking}
					onClick={() => void studio.useMicrophone()}
				>
					{say("gate_allow")}
				</Button>
				{asking && <span class="asking">{say("gate_asking")}</span>}
			</div>
			{microphone.state === "failed" && (
				<div class="stack">
					<Button kind="plain" square onClick={() => void studio.goWithoutMicrophone()}>
						{say("gate_without")}
					</Button>
					<span class="small quiet">{say("gate_without_hint")}</span>
				</div>
			)}
		</section>
	);
}

/** What happened to the microphone, and the repair. Nothing while all is well. */
export function MicrophoneTrouble({ studio }: { studio: Studio }) {
	const say = useWords(studioWords);
	const microphone = studio.microphone.value;
	const sentences = (): [string, string] | undefined => {
		switch (microphone.state) {
			case "failed":
				return [say(`mic_${microphone.reason}`), say(`mic_${microphone.reason}_repair`)];
			case "gone":
				return [say("mic_gone", { label: microphone.label }), say("mic_gone_repair")];
			case "interrupted":
				return [say("mic_interrupted", { label: microphone.label }), say("mic_interrupted_repair")];
			default:
				return undefined;
		}
	};
	const found = sentences();
	if (found) {
		return (
			<Notice tone="wait" urgent action={<ChooseInput studio={studio} bare />}>
				<strong>{found[0]}</strong> {found[1]}
			</Notice>
		);
	}
	const replacedBy = studio.replacedBy.value;
	if (!replacedBy) return null;
	return (
		<Notice tone="wait" urgent action={<ChooseInput studio={studio} bare />}>
			{say("mic_replaced", { label: replacedBy })}
		</Notice>
	);
}

/** The microphones there are. @param bare without a label of its own, beside a sentence that says it. */
export function ChooseInput({ studio, bare }: { studio: Studio; bare?: boolean }) {
	const say = useWords(studioWords);
	const id = useRef(`input-${Math.random().toString(36).slice(2)}`).current;
	const { inputs } = studio.devices.value;
	const microphone = studio.microphone.value;
	const chosen = microphone.state === "ready" || microphone.state === "interrupted" ? microphone.deviceId : "";
	if (inputs.length < (bare ? 2 : 1)) return null;
	const select = (
		<select
			id={id}
			aria-label={bare ? say("choose_input") : undefined}
			value={chosen}
			onChange={(event) => studio.chooseInput(event.currentTarget.value)}
		>
			{inputs.map((device, at) => (
				<option key={device.deviceId} value={device.deviceId}>
					{device.label || say("unnamed_device", { number: at + 1 })}
				</option>
			))}
		</select>
	);
	if (bare) return <div class="field choose">{select}</div>;
	return (
		<div class="field choose">
			<label for={id}>{say("choose_input")}</label>
			{select}
		</div>
	);
}
