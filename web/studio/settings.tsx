import { useId } from "preact/hooks";
import { Check } from "../look/parts.tsx";
import { useWords } from "../words/context.tsx";
import { studioWords } from "../words/staff-studio.ts";
import { ChooseInput } from "./gate.tsx";
import type { Studio } from "./studio.ts";

/** Devices, how the voice is treated, how loud the others are. `output`: only what concerns hearing. */
export function Settings({ studio, part }: { studio: Studio; part: "all" | "output" }) {
	const say = useWords(studioWords);
	const outputId = useId();
	const { outputs } = studio.devices.value;
	return (
		<div class="settings stack">
			{part === "all" && <ChooseInput studio={studio} />}
			{studio.headphones.canChooseOutput && outputs.length > 0 ? (
				<div class="field choose">
					<label for={outputId}>{say("choose_output")}</label>
					<select
						id={outputId}
						value={studio.headphones.outputId.value || (outputs[0]?.deviceId ?? "")}
						onChange={(event) => studio.headphones.chooseOutput(event.currentTarget.value)}
					>
						{outputs.map((device, at) => (
							<option key={device.deviceId} value={device.deviceId}>
								{device.label || say("unnamed_device", { number: at + 1 })}
							</option>
						))}
					</select>
				</div>
			) : (
				<p class="small quiet">{say("output_by_system")}</p>
			)}
			{part === "all" && <Volume studio={studio} />}
			{part === "all" && (
				<Check checked={studio.raw.value} onChange={(raw) => studio.setRaw(raw)}>
					{say("i_wear_headphones")}
					<br />
					<span class="small quiet">{say("i_wear_headphones_hint")}</span>
				</Check>
			)}
		</div>
	);
}

export function Volume({ studio }: { studio: Studio }) {
	const say = useWords(studioWords);
	const id = useId();
	const percent = Math.round(studio.headphones.volume.value * 100);
	return (
		<div class="volume">
			<label for={id}>{say("headphones")}</label>
			<input
				id={id}
				type="range"
				min={0}
				max={100}
				step={5}
				value={percent}
				aria-valuetext={say("volume_value", { percent })}
				onInput={(event) => studio.headphones.setVolume(Number(event.currentTarget.value) / 100)}
			/>
		</div>
	);
}
