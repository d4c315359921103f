/** The stage's constants, each with its reason. None is an operator's to turn. */

/** The jitter buffer holds at least one tick (the mix takes 20 ms at once) and at most what still lets people talk. */
export const DELAY_MS_MIN = 20;
export const DELAY_MS_MAX = 120;
/** Delay variation assumed before anything is known about a network: it starts at about 40 ms. */
export const EXCESS_MS_START = 16;
/** Above the quantile of the delays seen: half a histogram bucket and the resampler's reach. */
export const DELAY_MARGIN_MS = 3;
/** Sound that lies further behind than this is thrown away at once: whoever was stalled should not be answered late. */
export const LAG_MS_MAX = 200;
/** Share of packets that come in time. The rest is concealed; a programme wants fewer than a telephone's 5 %. */
export const IN_TIME_SHARE = 0.99;
/** A burst's memory halves in this time, so that latency has returned 10 s after it. */
export const DELAY_HALF_LIFE_MS = 4_000;
/** The fastest packets of this long tell the path's own delay; 200 ppm of drift move it by 0.4 ms. */
export const FLOOR_WINDOW_MS = 2_000;
/** A packet this far off the sender's own clock begins a new timeline, once its successor confirms it. */
export const DISCONTINUITY_MS = 1_000;
/** Packets of one seat in the jitter buffer. 120 ms in frames of 2.5 ms are 48, a stalled second in 20 ms frames 50; the oldest goes beyond it. */
export const PACKETS_MAX = 128;
/** Opus conceals a loss well for about this long; then the voice fades to silence. */
export const CONCEAL_MS_MAX = 100;
/** A sender with discontinuous transmission renews its background noise every 400 ms. */
export const PAUSE_MS_MAX = 1_000;
/** Loss from which it pays to hold one packet more, so that the forward error correction of the next one comes in time. */
export const FEC_WAIT_LOSS_SHARE = 0.01;
/** A sender whose last copy is older than this is taken to send none. */
export const FEC_MEMORY_MS = 5_000;
/** A wanted latency is lowered only when nothing higher was wanted for so long: Wi-Fi scans come every few seconds. */
export const DELAY_HOLD_MS = 3_000;
/** Latency is moved in steps of a pitch period, at most one in this time: faster becomes audible. */
export const STRETCH_EVERY_MS = 60;
/** Difference to the wanted latency that is not worth a step. */
export const STRETCH_TOLERANCE_MS = 8;

/** Sound cards keep within ±100 ppm, cheap ones within 300. */
export const DRIFT_PPM_MAX = 500;
/** Resampling further than this from 1 would be heard as pitch (578 ppm are a cent). */
export const RESAMPLE_PPM_MAX = 1_000;
/** The drift loop's natural frequency, radians per second: locks within a minute, ignores a network's breathing. */
export const DRIFT_LOOP_RAD_PER_S = 0.08;
/** How long a stream must play before its drift is reported. */
export const DRIFT_KNOWN_AFTER_MS = 20_000;

/** Packets in sequence that a new SSRC must send before it is believed (RFC 3550 §A.1 asks for 2). */
export const PROBATION_PACKETS = 3;
/** A sequence jump beyond this is a restart of the sender (RFC 3550 §A.1). */
export const DROPOUT_PACKETS_MAX = 3_000;
export const MISORDER_PACKETS_MAX = 100;
/** Frames of 2.5 ms are 400 packets per second; whoever sends more over a second is cut off. */
export const PACKETS_PER_S_MAX = 1_000;

/** Silence after which a seat counts as lost. Opus DTX sends every 400 ms, so ten of those are missing. */
export const SILENCE_LOST_MS = 4_000;
/** ICE and DTLS take 70 ms on a good link and some seconds on a bad one. */
export const CONNECT_MS_MAX = 15_000;
/** A lost connection may still come back by itself (a lift, a tunnel); then its resources go. */
export const LOST_KEPT_MS = 30_000;
/** An RTCP BYE with nothing after it for this long is a goodbye. */
export const BYE_SILENCE_MS = 1_000;
/** Who hangs up may be about to connect anew: a page that is reloaded takes a second. Then the seat is free. */
export const GOODBYE_KEPT_MS = 2_000;

/** Levels are RMS over this many ticks: 200 ms, as the wire says. */
export const LEVEL_TICKS = 10;
/** Level of silence, dBFS. */
export const LEVEL_DBFS_MIN = -100;
/** Voice begins this far above the room's own noise … */
export const VOICE_ON_DB = 12;
/** … and ends this far above it, after `VOICE_HOLD_MS`. */
export const VOICE_OFF_DB = 8;
/** Nothing softer than this is taken for a voice. */
export const VOICE_DBFS_MIN = -50;
export const VOICE_ATTACK_MS = 60;
export const VOICE_HOLD_MS = 400;

/** Below this a return feed is untouched; above it a `tanh` curve keeps it inside ±1. */
export const RETURN_KNEE = 0.7;
/** Return feed: CELT at complexity 5 costs a quarter of SILK with error correction. */
export const RETURN_BITS_PER_S = 48_000;
export const RETURN_FEC_BITS_PER_S = 32_000;
export const RETURN_COMPLEXITY = 5;
/** A seat that reports this loss twice running gets error correction … */
export const FEC_ON_LOSS_SHARE = 0.02;
/** … until it has reported less than this for `FEC_OFF_AFTER_MS`. */
export const FEC_OFF_LOSS_SHARE = 0.005;
export const FEC_OFF_AFTER_MS = 20_000;
/** A seat whose own peak stays below this is heard by nobody; it may share the feed of everybody's sum. −60 dBFS. */
export const SHARED_FEED_PEAK = 0.001;
/** A seat must have been that silent for so long before it shares. */
export const SHARED_FEED_AFTER_MS = 500;

/** Sender and receiver reports. RFC 3550 §6.2 would give about 5 s; loss must be answered sooner. */
export const RTCP_EVERY_MS = 1_000;
export const REPORT_EVERY_TICKS = 10;
/** What `pcmRecent` can still answer: a broadcast that was killed is back well before. */
export const RECENT_TICKS = 250;
/** Ticks made up after a stall; older ones stay silent and are counted as lost. */
export const CATCH_UP_TICKS_MAX = 50;
/** Nothing was done for longer than this, though ticks are due every 20 ms: the process stood still, and what it finds then may be as old. */
export const STALL_MS = 30;
/** A tick this late is one a listener may notice. */
export const TICK_LOST_AFTER_MS = 40;
/** Lateness is reported over 10 s. */
export const LATENESS_TICKS = 500;

/** A real browser's audio offer has 2-4 KB. */
export const SDP_BYTES_MAX = 16_384;
export const SDP_LINES_MAX = 400;
/** One is the microphone; OBS adds video, which is refused, and others data. */
export const SDP_MEDIA_MAX = 4;
