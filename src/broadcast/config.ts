import { INTERVIEW_MS_MAX, PART_MS } from "#wire/index.ts";

/** What the programme sounds like and how long it waits for things. Constants with their reasons; an operator has none to turn. */

/**
 * Slot t is played this long after tick t began. The stage mixes tick t when it begins; on two busy cores its
 * timer, the bus and our own timer are each late now and then (p99 some 15-40 ms), so four frames of patience
 * keep a late frame from becoming silence. It adds to the distance between microphone and ear.
 */
export const PCM_LAG_MS = 80;
/**
 * A slot whose frame has not come then is played up to this much later, while the stage is thought alive: a stage that
 * stood still makes up what it missed, and what is published late comes out of the listeners' reserve, which nobody hears.
 */
export const FRAME_PATIENCE_MS = 240;
/** How often it is looked for meanwhile. */
export const PATIENCE_LOOK_MS = 5;
/** Frames held for slots not yet played: the 5 s a stage keeps, and a second of patience. Later ones are refused. */
export const FRAMES_AHEAD_MAX = 300;
/** Without a frame for longer than this, the stage counts as dead and hold sound begins: 1 s. */
export const MISSING_SLOTS_MAX = 50;
/** With nobody on stage for longer than this, hold sound begins: 4 s, the time after which a silent seat is "lost". */
export const EMPTY_SLOTS_MAX = 200;
/** Voice fades in and out within this many samples (5 ms) wherever frames begin or are missing. */
export const VOICE_FADE_SAMPLES = 240;
/** Hold sound comes up within 400 ms and goes within 40 ms: back to voices at once. */
export const HOLD_FADE_IN_SLOTS = 20;
export const HOLD_FADE_OUT_SLOTS = 2;
/** From one spoken notice to the next. */
export const NOTICE_PERIOD_S = 20;

/** Gated integrated loudness of the programme: −16 LUFS as heard from two loudspeakers (EBU R 128 counts one channel). */
export const TARGET_LUFS = -19;
/** True peak before encoding. The promise is −1 dBTP; the codecs overshoot by some tenths of a decibel. */
export const CEILING_DBTP = -2;

/** `broadcast` catches up this much sound after a restart; the stage keeps as much. Older sound is filled with silence. */
export const CATCH_UP_MS_MAX = 5_000;
/** An interview ends by itself at this part. */
export const PARTS_MAX = Math.floor(INTERVIEW_MS_MAX / PART_MS);
/** Longest programme delay. */
export const DELAY_MS_MAX = 60_000;

/** Parts kept in memory for edges that ask: 60 s, about 2 MB. */
export const TAIL_PARTS_MAX = 188;
/** A part is published once it is in its segment's file, so that no index is ever made twice. A disk slower than this does not hold up the sound. */
export const PERSIST_WAIT_MS_MAX = 200;
/** How often a full disk is tried again. */
export const DISK_RETRY_MS = 2_000;
/** How often the finished files are tried again when they could not be made. */
export const FINISH_RETRY_MS = 5_000;
export const REPORT_EVERY_MS = 500;
/** Tick lateness is reported over this window. */
export const LATENESS_WINDOW_TICKS = 500;

export const OPUS_LOOKAHEAD_SAMPLES = 312;
/** Keeps the 48 packets of a beat within the 255 lacing values of one Ogg page (RFC 3533 §6). */
export const OPUS_PACKET_BYTES_MAX = 600;
export const AAC_PRIMING_FRAMES = 1;
