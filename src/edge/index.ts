/**
 * The public door: the same bytes for everybody. Writes live sound to whoever listens, serves playlists, segments,
 * recordings, states and pages from buffers made once, and turns away what it cannot read.
 *
 * It does not know who speaks, who listens, or what a page says; it has no session, no cookie and no database.
 */
export { type Assets, compressAssets, loadAssets } from "./assets.ts";
export { createCold } from "./cold.ts";
export { type Door, openDoor } from "./door.ts";
export { EdgeError, type EdgeErrorCode } from "./errors.ts";
export { createEdgeEvents, type EdgeEvents } from "./events.ts";
export { type ProxyTrust, TrustedProxies } from "./forwarded.ts";
export { HeardTotals } from "./heard.ts";
export { type Load, openLoadMeter } from "./load.ts";
export { createObjectCache } from "./object-cache.ts";
export { createProgrammes } from "./programmes.ts";
export { createChallenges, createRedirect } from "./redirect.ts";
export { createServe } from "./serve.ts";
export { SOUNDING } from "./serve-push.ts";
export { createSite } from "./site.ts";
export { openTlsFront } from "./tls.ts";
export { createUnreadWatch } from "./unread-watch.ts";
