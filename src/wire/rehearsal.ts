import * as z from "zod/mini";

/** The bundled speech a synthetic speaker can have: `assets/speech/<voice>.ogg`. */
export const VOICE_NAMES = ["anna", "ben"] as const;
export type VoiceName = (typeof VOICE_NAMES)[number];

/** Once per second on `rehearsalReports(interviewId)`: how the synthetic speakers fare. Counts are since the process started. */
export const rehearsalReport = z.object({
	speakers: z.array(
		z.object({
			name: z.string(),
			state: z.enum(["resting", "joining", "open"]),
			/** RTP packets sent. */
			sent: z.number(),
			/** RTP packets of the return feed. */
			returned: z.number(),
			/** Connections made. */
			joins: z.number(),
			/** Why the last connection ended or could not be made, in a few words; empty while nothing went wrong. */
			lastTrouble: z.string(),
		}),
	),
});
export type RehearsalReport = z.infer<typeof rehearsalReport>;
