/** How processes talk: publish, subscribe, request, respond. Knows nothing of what is said. */
export { type Bus, subjectMatches } from "./bus.ts";
export { BusError, type BusErrorCode } from "./errors.ts";
export { LocalHub } from "./local.ts";
export { connectBus, openHub } from "./unix-socket.ts";
