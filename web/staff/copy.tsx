import { useEffect, useId, useRef, useState } from "preact/hooks";
import { Button } from "../look/parts.tsx";
import { useWords } from "../words/context.tsx";
import { staffWords } from "../words/staff.ts";

const SAID_MS = 3_000;

/** An address to read, select and copy. */
export function CopyField({ label, value }: { label: string; value: string }) {
	const say = useWords(staffWords);
	const id = useId();
	const input = useRef<HTMLInputElement>(null);
	const [said, setSaid] = useState<"copied" | "copy_by_hand" | undefined>();
	useEffect(() => {
		if (said !== "copied") return;
		const timer = window.setTimeout(() => setSaid(undefined), SAID_MS);
		return () => window.clearTimeout(timer);
	}, [said]);
	const copy = async () => {
		try {
			await navigator.clipboard.writeText(value);
			setSaid("copied");
		} catch {
			input.current?.select();
			setSaid("copy_by_hand");
		}
	};
	return (
		<div class="copy-field">
			<label for={id}>{label}</label>
			<div class="copy-row">
				<input
					id={id}
					ref={input}
					readOnly
					value={value}
					onFocus={(event) => event.currentTarget.setSelectionRange(0, value.length, "backward")}
				/>
				<Button square icon={said === "copied" ? "check" : "copy"} onClick={() => void copy()}>
					{say(said === "copied" ? "copied" : "copy")}
				</Button>
			</div>
			<span class="small" role="status">
				{said === "copy_by_hand" ? say("copy_by_hand") : <span class="for-ears">{said && say(said)}</span>}
			</span>
		</div>
	);
}
