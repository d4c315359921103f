/**
 * Finds out, before anybody hears it, whether a speaker's microphone, loudspeaker and network will do.
 *
 * Cores take samples and statistics and name problems; the studio shows the sentence and the repair for each.
 * Knows no device, no page and no words.
 */
export { type Echo, echoIsHeard, findEcho, PROBE_COUNT, PROBE_MS, PROBE_PERIOD_MS, probe } from "./echo.ts";
export { EchoWatch } from "./echo-watch.ts";
export {
	MICROPHONE_PROBLEMS,
	MicrophoneCheck,
	type MicrophoneProblem,
	type MicrophoneReading,
	SPEECH_MIN_MS,
} from "./microphone.ts";
export {
	MEASURE_MS,
	NETWORK_PROBLEMS,
	NetworkCheck,
	type NetworkProblem,
	type NetworkReading,
	type NetworkSample,
	UDP_MAX_MS,
} from "./network.ts";
export { PairedLevels } from "./paired-levels.ts";
