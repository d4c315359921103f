import { SAMPLE_RATE_HZ } from "#wire/quantum.ts";

/** A longer step of the playhead is a seek, not playing. */
const STEP_SAMPLES_MAX = 3 * SAMPLE_RATE_HZ;

/** What was heard and what was missed, in samples: the page's claim that sound is complete rests on it. Pure. */
export class Tally {
	heardSamples = 0;
	missedSamples = 0;
	/** The newest passage that was missed. */
	missed: { readonly fromSample: number; readonly toSample: number } | null = null;

	/** The playhead moved by playing. */
	moved(samples: number): void {
		if (0 < samples && samples < STEP_SAMPLES_MAX) this.heardSamples += samples;
	}

	/** Sound was passed over that nobody asked to leave out. Before the first sound there is nothing to have gone on from. */
	passedOver(fromSample: number, toSample: number): void {
		if (this.heardSamples === 0 || toSample <= fromSample) return;
		this.missedSamples += toSample - fromSample;
		this.missed = { fromSample, toSample };
	}
}
