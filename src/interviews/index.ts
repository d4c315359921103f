/**
 * Interviews from announcement to recording: what is said about them, what happens to them, who speaks in them, and
 * what the public is told. Knows processes by the bus only, and not how sound is made or delivered.
 */
export { type Announce, createAnnounce, INTERVIEWS_MAX } from "./announce.ts";
export { type DemoOptions, runDemo } from "./demo.ts";
export { freeBytesIn } from "./disk.ts";
export { openDoor } from "./door.ts";
export { Counters, createInterviewEvents, type InterviewEvents } from "./events.ts";
export { type ApiOptions, createApi } from "./http.ts";
export { factsOf, type Interview, parseInterview } from "./interview.ts";
export { Levels } from "./levels.ts";
export { isOver } from "./lifecycle.ts";
export { Live } from "./live.ts";
export { Mp3Recordings } from "./mp3-recordings.ts";
export { loadPages } from "./page-module.ts";
export { PublicSite } from "./public-site.ts";
export { createSessionCookie } from "./session-cookie.ts";
export { createStaffPages } from "./staff-pages.ts";
export { interviewStore } from "./store.ts";
export { createWhip } from "./whip.ts";
