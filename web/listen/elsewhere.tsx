/** The same sound at other addresses, and the files after the end. */
import { useState } from "preact/hooks";
import type { PublicState } from "#wire/state.ts";
import { Icon } from "../look/icons.tsx";
import { LinkButton } from "../look/parts.tsx";
import { useWords } from "../words/context.tsx";
import { listenWords } from "../words/listen.ts";

export function Elsewhere({ state, publicUrl }: { state: PublicState; publicUrl: string }) {
	const say = useWords(listenWords);
	if (state.phase === "cancelled") return null;
	const base = `${publicUrl}/i/${state.slug}`;
	if (state.phase === "ended") {
		if (!state.programme) return null;
		return (
			<section aria-labelledby="download" class="listen-block">
				<h2 id="download">{say("download")}</h2>
				{state.programme.recording ? (
					<>
						<p class="downloads">
							<LinkButton href={`/i/${state.slug}/recording.m4a?download`} download icon="download">
								{say("download_m4a")}
							</LinkButton>
							<LinkButton href={`/i/${state.slug}/recording.ogg?download`} download icon="download">
								{say("download_ogg")}
							</LinkButton>
							{/* Without the attribute: the first to ask sees how long it takes to make it. */}
							<LinkButton href={`/i/${state.slug}/recording.mp3?download`} icon="download">
								{say("download_mp3")}
							</LinkButton>
						</p>
						<p class="quiet note">{say("download_text")}</p>
					</>
				) : (
					<p class="quiet note">{say("recording_soon")}</p>
				)}
			</section>
		);
	}
	const addresses = [
		{ name: say("address_hls"), url: `${base}/hls/index.m3u8` },
		{ name: say("address_ogg"), url: `${base}/live.ogg` },
		{ name: say("address_saver"), url: `${base}/live.ogg?r=24` },
		{ name: say("address_aac"), url: `${base}/live.aac` },
		{ name: say("address_mp3"), url: `${base}/live.mp3` },
	];
	return (
		<section aria-labelledby="elsewhere" class="listen-block">
			<h2 id="elsewhere">{say("other_players")}</h2>
			<p class="quiet note">{say("other_players_text")}</p>
			<ul class="addresses">
				{addresses.map(({ name, url }) => (
					<Address key={url} name={name} url={url} />
				))}
			</ul>
		</section>
	);
}

function Address({ name, url }: { name: string; url: string }) {
	const say = useWords(listenWords);
	const [copied, setCopied] = useState(false);
	return (
		<li>
			<span class="address-words">
				<span class="note">{name}</span>
				<a class="address small" href={url}>
					{url.replace(/^https?:\/\//, "")}
				</a>
			</span>
			<button
				type="button"
				class="button needs-script"
				aria-label={`${say("copy")}: ${name}`}
				onClick={() => {
					navigator.clipboard?.writeText(url).then(
						() => setCopied(true),
						() => setCopied(false),
					);
				}}
			>
				<Icon name={copied ? "check" : "copy"} />
				<span role="status">{copied ? say("copied") : say("copy")}</span>
			</button>
		</li>
	);
}
