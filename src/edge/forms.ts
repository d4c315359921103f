/** The forms in which sound is pushed: container and Opus bitrate, AAC with ADTS headers, MP3 with and without ICY metadata. */
export const PART_FORMS = ["mp4_48", "mp4_24", "ogg_48", "ogg_24", "aac_64"] as const;
export const MP3_FORMS = ["mp3_64", "mp3_64_icy"] as const;
export const FORMS = [...PART_FORMS, ...MP3_FORMS] as const;
/** A form that comes in every part. */
export type PartForm = (typeof PART_FORMS)[number];
/** A form that is made while somebody wants it, in beats counted from the epoch. */
export type Mp3Form = (typeof MP3_FORMS)[number];
export type Form = PartForm | Mp3Form;

export function isMp4(form: Form): form is "mp4_48" | "mp4_24" {
	return form === "mp4_48" || form === "mp4_24";
}

export function isMp3(form: Form): form is Mp3Form {
	return form === "mp3_64" || form === "mp3_64_icy";
}

/** The newest sound of a programme without a hole, by the indexes of parts, in some forms. */
export type SoundTail<F extends Form> = {
	/** First part held; equals `nextPart` when none is. */
	readonly firstPart: number;
	/** The part that comes next, or undefined before the first. */
	readonly nextPart: number | undefined;
	/** Bytes of the parts from `fromPart` up to `toPart` (exclusive), which must be held. */
	bytes(form: F, fromPart: number, toPart: number): Buffer;
	/** Where a burst of at least `bytesMin` bytes that ends with the newest sound begins: the beginning of the tail when it holds less. */
	burstStart(form: F, bytesMin: number): number;
	/** Bytes of the newest `partCount` parts, or of all that are held. */
	newestBytes(form: F, partCount: number): number;
};
