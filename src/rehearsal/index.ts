/**
 * Synthetic speakers: WHIP clients over real WebRTC that say bundled speech (or what a test gives them), for the
 * demo, for rehearsals and for measuring. Knows the staff door's WHIP address and a token, as a browser does;
 * does not know the stage, the programme or who listens.
 */
export { RehearsalError, type RehearsalErrorCode } from "./errors.ts";
export { createRehearsalEvents, type RehearsalEvents } from "./events.ts";
export { readOggOpus } from "./ogg-opus.ts";
export { closeWebrtc, type Speaker, type SpeakerOptions, type SpeakerStatus, startSpeaker } from "./speaker.ts";
export { bundledVoice, type EncodeVoiceOptions, encodeVoice, toneSamples, type Voice } from "./voice.ts";
