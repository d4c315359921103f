/** What may be wrong with the way to the studio, worst first. */
export const NETWORK_PROBLEMS = ["unreachable", "udp_blocked", "loss", "round_trip_long", "jitter"] as const;
export type NetworkProblem = (typeof NETWORK_PROBLEMS)[number];

/** One look at the connection, several times a second. Counters only grow within one connection. */
export type NetworkSample = {
	/** The studio's HTTP has answered since the check began. */
	readonly httpWorks: boolean;
	readonly iceConnected: boolean;
	readonly roundTripMs: number | null;
	readonly packetsReceived: number;
	readonly packetsLost: number;
	/** Share of our packets that the studio missed, as it reports; null before its first report. */
	readonly uplinkLossShare: number | null;
	readonly jitterMs: number | null;
};

export type NetworkReading = {
	readonly connected: boolean;
	/** Median of what was measured. */
	readonly roundTripMs: number | null;
	/** The worse of the two directions, 0-1. */
	readonly lossShare: number;
	readonly jitterMs: number | null;
};

/** A browser that cannot send UDP finds out in 5-10 s; a good network takes under 1 s. */
export const UDP_MAX_MS = 8_000;
const HTTP_MAX_MS = 5_000;
/** What a verdict on loss needs: 150 packets at 50 per second. */
export const MEASURE_MS = 3_000;
/** Forward error correction hides less than this. */
const LOSS_MAX_SHARE = 0.03;
/** People begin to talk over each other: ITU-T G.114 gives 150 ms one way as the limit of comfort. */
const ROUND_TRIP_MAX_MS = 300;
const JITTER_MAX_MS = 50;
const SAMPLES_MAX = 256;

/**
 * Judges the connection from samples of its statistics.
 *
 * Pure core: `push` samples with the time, read `problems`. The check begins with the first sample.
 */
export class NetworkCheck {
	#beganMs: number | undefined;
	#connectedMs: number | undefined;
	#nowMs = 0;
	#httpWorks = false;
	#first: NetworkSample | undefined;
	#last: NetworkSample | undefined;
	/** Newest `SAMPLES_MAX`; older ones are forgotten. */
	#roundTrips: number[] = [];
	#jitters: number[] = [];

	push(sample: NetworkSample, nowMs: number): void {
		this.#beganMs ??= nowMs;
		this.#nowMs = nowMs;
		this.#httpWorks ||= sample.httpWorks;
		if (sample.iceConnected) {
			this.#connectedMs ??= nowMs;
			if (sample.packetsReceived > 0) this.#first ??= sample;
		}
		this.#last = sample;
		remember(this.#roundTrips, sample.roundTripMs);
		remember(this.#jitters, sample.jitterMs);
	}

	/** True once there is enough to say that nothing is wrong, or it is clear that something is. */
	get done(): boolean {
		if (this.#connectedMs !== undefined) return this.#nowMs - this.#connectedMs >= MEASURE_MS;
		return this.problems.length > 0;
	}

	get reading(): NetworkReading {
		return {
			connected: this.#connectedMs !== undefined,
			roundTripMs: median(this.#roundTrips),
			lossShare: this.#lossShare(),
			jitterMs: median(this.#jitters),
		};
	}

	get problems(): NetworkProblem[] {
		const elapsedMs = this.#beganMs === undefined ? 0 : this.#nowMs - this.#beganMs;
		if (this.#connectedMs === undefined) {
			if (!this.#httpWorks) return elapsedMs >= HTTP_MAX_MS ? ["unreachable"] : [];
			return elapsedMs >= UDP_MAX_MS ? ["udp_blocked"] : [];
		}
		const found: NetworkProblem[] = [];
		if (this.#nowMs - this.#connectedMs < MEASURE_MS) return found;
		const r = this.reading;
		if (r.lossShare > LOSS_MAX_SHARE) found.push("loss");
		if (r.roundTripMs !== null && r.roundTripMs > ROUND_TRIP_MAX_MS) found.push("round_trip_long");
		if (r.jitterMs !== null && r.jitterMs > JITTER_MAX_MS) found.push("jitter");
		return found;
	}

	#lossShare(): number {
		const uplink = this.#last?.uplinkLossShare ?? 0;
		if (!this.#first || !this.#last) return uplink;
		const lost = this.#last.packetsLost - this.#first.packetsLost;
		const received = this.#last.packetsReceived - this.#first.packetsReceived;
		return Math.max(uplink, lost <= 0 ? 0 : lost / (lost + received));
	}
}

function remember(values: number[], value: number | null): void {
	if (value === null) return;
	values.push(value);
	if (values.length > SAMPLES_MAX) values.shift();
}

function median(values: readonly number[]): number | null {
	return values.length === 0 ? null : ([...values].sort((a, b) => a - b)[values.length >> 1] as number);
}
