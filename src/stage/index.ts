/**
 * The stage: speakers come in by WebRTC, hear each other, and leave as one sum of samples every 20 ms.
 *
 * It does not know what becomes of the sum, who listens, who may speak (control decides that) or what
 * anything is called on disk: it has no disk, no database and no key.
 */
export { StageError, type StageErrorCode } from "./errors.ts";
export { createStage } from "./stage.ts";
export { openWebRtc, type Peer, type PeerEvents, type WebRtc } from "./webrtc.ts";
