/** Bus subjects, with who speaks and what is said. Ids and slugs hold no dot. */

/** stage → broadcast, 50 per second: `encodePcmFrame`. */
export const pcmFrames = (interviewId: string) => `pcm.${interviewId}`;
/** broadcast asks stage for the frames it still has, `{ fromTick }` as JSON: PCM frames one after another. */
export const pcmRecent = (interviewId: string) => `stage.${interviewId}.recent`;
/** control asks stage: `stageCommand` → `stageAnswer`. */
export const stageCommands = (interviewId: string) => `stage.${interviewId}.command`;
/** stage → control, house: `stageReport`. */
export const stageReports = (interviewId: string) => `report.stage.${interviewId}`;
export const ALL_STAGE_REPORTS = "report.stage.>";
/** control asks broadcast: `broadcastCommand`. */
export const broadcastCommands = (interviewId: string) => `broadcast.${interviewId}.command`;
/** broadcast → control, house: `broadcastReport`. */
export const broadcastReports = (interviewId: string) => `report.broadcast.${interviewId}`;
export const ALL_BROADCAST_REPORTS = "report.broadcast.>";
/** broadcast → edges: `encodePart`. */
export const parts = (interviewId: string) => `part.${interviewId}`;
export const ALL_PARTS = "part.>";
/** broadcast → edges, house, control: `programmeTimeline` at each change. */
export const timelines = (interviewId: string) => `timeline.${interviewId}`;
export const ALL_TIMELINES = "timeline.>";
/** edge asks broadcast for its newest parts, `{ partsMax }` as JSON: pieces [timeline JSON][part]…, see `packPieces`. */
export const programmeTail = (interviewId: string) => `broadcast.${interviewId}.tail`;
/** broadcast → edges, while it is wanted: `encodeMp3Beat`. */
export const mp3Beats = (interviewId: string) => `mp3.${interviewId}`;
export const ALL_MP3_BEATS = "mp3.>";
/** edge asks broadcast: `mp3Wish` → pieces [{}][beat]…, the newest, and those that follow are published. MP3 is wanted for MP3_WANTED_MS from then on. */
export const mp3Wishes = (interviewId: string) => `broadcast.${interviewId}.mp3`;
/** edge asks house: `mp3RecordingWish` → `mp3RecordingAnswer`, within MP3_HOLD_MS and a little. */
export const MP3_RECORDING_WISHES = "house.mp3";
/** house → edges: `siteEntry`. */
export const siteEntries = (slug: string) => `site.entry.${slug}`;
export const ALL_SITE_ENTRIES = "site.entry.>";
/** house → edges: the front page in each language, as JSON. */
export const SITE_FRONT = "site.front";
/** edge asks house: nothing → `site`. */
export const SITE_REQUEST = "house.site";
/** control asks house, which answers (empty) once it has published what follows from everything told before. */
export const HOUSE_SYNC = "house.sync";
/** control asks house: `levelCommand` → `levelAnswer`. */
export const LEVEL_COMMANDS = "house.level";
/** house → control: `levelView`, when it starts and at each change. */
export const LEVEL_CHANGES = "report.level";
/** edge → house, control: `edgeReport`. */
export const edgeReports = (worker: number) => `report.edge.${worker}`;
export const ALL_EDGE_REPORTS = "report.edge.>";
/** control asks one edge worker, which answers (empty) once it has taken everything sent to it before. */
export const edgeSync = (worker: number) => `edge.${worker}.sync`;
/** control → house: `interviewFacts`. */
export const interviewChanges = (interviewId: string) => `interview.${interviewId}`;
export const ALL_INTERVIEW_CHANGES = "interview.>";
/** house asks control: nothing → `interviewFacts` array. */
export const INTERVIEWS_REQUEST = "control.interviews";
/** command line asks control: `controlCommand` → `controlAnswer`. */
export const CONTROL_COMMAND = "control.command";
/** control asks supervisor: `supervisorCommand` → `supervisorAnswer` (`status` → `supervisorReport`). */
export const SUPERVISOR_COMMAND = "supervisor.command";
export const SUPERVISOR_REPORT = "report.supervisor";
/** supervisor → edges: `ticketKeys`, when they change; an edge asks for them with the other. */
export const TICKET_KEYS = "tls.tickets";
export const TICKET_KEYS_REQUEST = "supervisor.tickets";
/** whoever asks an authority for a certificate → edges: `acmeChallenges`, all that it is to find now. */
export const ACME_CHALLENGES = "acme.challenges";
/** rehearsal → control, house: `rehearsalReport`. */
export const rehearsalReports = (interviewId: string) => `report.rehearsal.${interviewId}`;
/** every process → supervisor, once it can do its work: `{ name }`. */
export const PROCESS_READY = "ready.process";
