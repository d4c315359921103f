import type { SeatGrant } from "#wire/staff.ts";
import { Reconnect, type SeatConnection } from "./reconnect.ts";
import { iceFragment, tuneAnswer, tuneOffer } from "./sdp.ts";

/** Candidates found by then go with the offer; later ones are trickled. */
const GATHER_MAX_MS = 250;
/** How often packets are counted and deadlines looked at. */
const LOOK_MS = 200;

export type WhipClientOptions = {
	readonly grant: Pick<SeatGrant, "whipUrl" | "whipToken" | "iceServers">;
	/** The microphone; `undefined` listens only, until `replaceTrack`. */
	readonly track: MediaStreamTrack | undefined;
	/** At each change of the connection's state. */
	readonly onConnection: (connection: SeatConnection) => void;
	/** What the others say, at each new connection. */
	readonly onReturn: (stream: MediaStream) => void;
};

export type WayStatistics = {
	readonly iceConnected: boolean;
	readonly packetsReceived: number;
	readonly packetsLost: number;
	readonly roundTripMs: number | null;
	readonly jitterMs: number | null;
	/** Share of our packets that the other side misses, 0-1. */
	readonly uplinkLossShare: number | null;
};

/**
 * One speaker's way to the stage: WHIP (RFC 9725) with a return feed on the same connection, made anew by itself
 * whenever `Reconnect` says so. The microphone may change without a new connection.
 */
export class WhipClient implements Disposable {
	readonly #options: WhipClientOptions;
	readonly #core = new Reconnect(Math.random);
	readonly #lookTimer: number;
	#track: MediaStreamTrack | undefined;
	#peer: Peer | undefined;
	#looking = false;

	constructor(options: WhipClientOptions) {
		this.#options = options;
		this.#track = options.track;
		this.#lookTimer = window.setInterval(() => void this.#look(), LOOK_MS);
		window.addEventListener("online", this.#online);
		window.addEventListener("pagehide", this.#pageHide);
		window.addEventListener("pageshow", this.#pageShow);
	}

	get connection(): SeatConnection {
		return this.#core.connection;
	}

	/** Connects; or, after a refusal or when the person is impatient, connects anew. */
	start(): void {
		this.#core.start(performance.now());
		this.#drain();
	}

	/** @param snapshot newest of `studioSnapshot`: tells when the stage was replaced. */
	stageIs(snapshot: { stageReady: boolean; stageEpoch: number }): void {
		this.#core.stage(snapshot.stageReady, snapshot.stageEpoch, performance.now());
		this.#drain();
	}

	/** Another microphone, heard from its next packet on. */
	async replaceTrack(track: MediaStreamTrack | undefined): Promise<void> {
		this.#track = track;
		await this.#peer?.sender.replaceTrack(track ?? null);
	}

	async statistics(): Promise<WayStatistics | undefined> {
		const connection = this.#peer?.connection;
		return connection && readStatistics(connection);
	}

	/** Gives the connection back to the stage. The seat stays ours until somebody removes it. */
	leave(): void {
		this.#core.leave();
		this.#peer?.leave();
		this.#peer = undefined;
		this.#options.onConnection(this.#core.connection);
	}

	[Symbol.dispose](): void {
		window.clearInterval(this.#lookTimer);
		window.removeEventListener("online", this.#online);
		window.removeEventListener("pagehide", this.#pageHide);
		window.removeEventListener("pageshow", this.#pageShow);
		this.leave();
	}

	#online = () => {
		const { state } = this.#core.connection;
		if (state === "waiting" || state === "connecting" || state === "connected") this.start();
	};

	#pageHide = () => this.#peer?.leave();

	/** A page from the back-forward cache: its connection was given back when it was hidden. */
	#pageShow = (event: PageTransitionEvent) => {
		const { state } = this.#core.connection;
		if (event.persisted && state !== "left" && state !== "idle") this.start();
	};

	async #look(): Promise<void> {
		const nowMs = performance.now();
		const connection = this.#peer?.connection;
		if (connection && !this.#looking) {
			this.#looking = true;
			try {
				const { packetsReceived } = await readStatistics(connection);
				if (connection === this.#peer?.connection) this.#core.packets(packetsReceived, performance.now());
			} finally {
				this.#looking = false;
			}
		}
		this.#core.tick(nowMs);
		this.#drain();
	}

	#drain(): void {
		while (this.#core.poll() === "offer") void this.#offer();
		this.#say();
	}

	#said: SeatConnection | undefined;
	#say(): void {
		if (this.#said === this.#core.connection) return;
		this.#said = this.#core.connection;
		this.#options.onConnection(this.#said);
	}

	async #offer(): Promise<void> {
		this.#peer?.close();
		const peer = new Peer(this.#options.grant, this.#track, {
			onReturn: this.#options.onReturn,
			onIceFailed: () => {
				if (peer !== this.#peer) return;
				this.#core.iceFailed(performance.now());
				this.#drain();
			},
		});
		this.#peer = peer;
		const failure = await peer.offer();
		if (peer !== this.#peer) return;
		if (failure) {
			peer.close();
			this.#core.offerFailed(failure, performance.now());
		} else {
			this.#core.answered(performance.now());
			if (this.#track !== peer.sender.track) await peer.sender.replaceTrack(this.#track ?? null);
		}
		this.#drain();
	}
}

/** One peer connection and its WHIP session, from offer to DELETE. */
class Peer {
	readonly connection: RTCPeerConnection;
	readonly sender: RTCRtpSender;
	readonly #grant: WhipClientOptions["grant"];
	readonly #abort = new AbortController();
	#session: { url: string; etag: string | null } | undefined;
	/** Found since the offer was made, not yet sent. */
	#candidates: RTCIceCandidate[] = [];
	#offered = false;

	constructor(
		grant: WhipClientOptions["grant"],
		track: MediaStreamTrack | undefined,
		hears: { onReturn: (stream: MediaStream) => void; onIceFailed: () => void },
	) {
		this.#grant = grant;
		const iceServers = grant.iceServers.map(({ urls, username, credential }) => ({
			urls,
			...(username === undefined ? {} : { username }),
			...(credential === undefined ? {} : { credential }),
		}));
		this.connection = new RTCPeerConnection({ iceServers, bundlePolicy: "max-bundle" });
		this.sender = this.connection.addTransceiver(track ?? "audio", { direction: "sendrecv" }).sender;
		this.connection.addEventListener("track", (event) => {
			hears.onReturn(event.streams[0] ?? new MediaStream([event.track]));
		});
		this.connection.addEventListener("iceconnectionstatechange", () => {
			if (this.connection.iceConnectionState === "failed") hears.onIceFailed();
		});
		this.connection.addEventListener("connectionstatechange", () => {
			if (this.connection.connectionState === "failed") hears.onIceFailed();
		});
		this.connection.addEventListener("icecandidate", (event) => {
			if (event.candidate?.candidate && this.#offered) this.#candidates.push(event.candidate);
			if (!event.candidate) void this.#trickle();
		});
	}

	/** POSTs the offer and takes the answer. @returns what went wrong, or undefined. */
	async offer(): Promise<{ status: number; code?: string | undefined; retryAfterMs?: number | undefined } | undefined> {
		const { connection } = this;
		try {
			await connection.setLocalDescription(await connection.createOffer());
			await gathered(connection);
			this.#offered = true;
			const response = await fetch(this.#grant.whipUrl, {
				method: "POST",
				headers: { authorization: `Bearer ${this.#grant.whipToken}`, "content-type": "application/sdp" },
				body: tuneOffer(connection.localDescription?.sdp ?? ""),
				signal: this.#abort.signal,
			});
			if (response.status !== 201) return await failureOf(response);
			const location = response.headers.get("location");
			if (location) {
				const url = new URL(location, new URL(this.#grant.whipUrl, window.location.href)).href;
				this.#session = { url, etag: response.headers.get("etag") };
			}
			const sdp = tuneAnswer(await response.text());
			if (this.#abort.signal.aborted) return { status: 0 };
			await connection.setRemoteDescription({ type: "answer", sdp });
			if (connection.iceGatheringState === "complete") void this.#trickle();
			return undefined;
		} catch {
			return { status: 0 };
		}
	}

	/** Sends the candidates that came after the offer. A server that wants none answers 405 or 501, and that is fine. */
	async #trickle(): Promise<void> {
		if (!this.#session || this.#candidates.length === 0) return;
		const candidates = this.#candidates;
		this.#candidates = [];
		try {
			await fetch(this.#session.url, {
				method: "PATCH",
				headers: {
					authorization: `Bearer ${this.#grant.whipToken}`,
					"content-type": "application/trickle-ice-sdpfrag",
					...(this.#session.etag ? { "if-match": this.#session.etag } : {}),
				},
				body: iceFragment(this.connection.localDescription?.sdp ?? "", candidates, true),
				signal: this.#abort.signal,
			});
		} catch {
			// The stage learns our address from our first packet as well.
		}
	}

	/** Ends the WHIP session too; works while the page goes away. */
	leave(): void {
		const session = this.#session;
		this.#session = undefined;
		if (session) {
			const headers = { authorization: `Bearer ${this.#grant.whipToken}` };
			fetch(session.url, { method: "DELETE", headers, keepalive: true }).catch(() => {});
		}
		this.close();
	}

	close(): void {
		this.#abort.abort();
		this.connection.close();
	}
}

async function failureOf(response: Response) {
	const seconds = Number(response.headers.get("retry-after"));
	let code: string | undefined;
	try {
		const body: unknown = await response.json();
		if (typeof body === "object" && body !== null && "code" in body && typeof body.code === "string") code = body.code;
	} catch {
		// An answer without a problem document: the status says enough.
	}
	return { status: response.status, code, retryAfterMs: seconds > 0 ? seconds * 1_000 : undefined };
}

/** Resolves when all candidates are known, or after `GATHER_MAX_MS`. */
function gathered(connection: RTCPeerConnection): Promise<void> {
	if (connection.iceGatheringState === "complete") return Promise.resolve();
	return new Promise((resolve) => {
		const done = () => {
			if (connection.iceGatheringState === "complete") resolve();
		};
		connection.addEventListener("icegatheringstatechange", done);
		window.setTimeout(resolve, GATHER_MAX_MS);
	});
}

/** The few figures we use, from wherever this browser keeps them. */
async function readStatistics(connection: RTCPeerConnection): Promise<WayStatistics> {
	let packetsReceived = 0;
	let packetsLost = 0;
	let jitterMs: number | null = null;
	let uplinkLossShare: number | null = null;
	let pairRoundTripS: number | null = null;
	let rtcpRoundTripS: number | null = null;
	const report = await connection.getStats();
	for (const stat of report.values() as Iterable<Record<string, unknown>>) {
		const number = (name: string) => (typeof stat[name] === "number" ? stat[name] : null);
		if (stat["type"] === "inbound-rtp") {
			packetsReceived = number("packetsReceived") ?? 0;
			packetsLost = number("packetsLost") ?? 0;
			const jitterS = number("jitter");
			jitterMs = jitterS === null ? null : jitterS * 1_000;
		} else if (stat["type"] === "remote-inbound-rtp") {
			uplinkLossShare = number("fractionLost");
			rtcpRoundTripS = number("roundTripTime");
		} else if (stat["type"] === "candidate-pair" && (stat["nominated"] === true || stat["selected"] === true)) {
			pairRoundTripS = number("currentRoundTripTime") ?? pairRoundTripS;
		}
	}
	const roundTripS = pairRoundTripS ?? rtcpRoundTripS;
	const { iceConnectionState } = connection;
	return {
		iceConnected: iceConnectionState === "connected" || iceConnectionState === "completed",
		packetsReceived,
		packetsLost,
		roundTripMs: roundTripS === null ? null : roundTripS * 1_000,
		jitterMs,
		uplinkLossShare,
	};
}
