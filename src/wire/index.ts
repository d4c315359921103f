/** Messages and JSON shared by processes and pages, each with its parser. Knows shapes, not behaviour. */
export * from "./broadcast-commands.ts";
export * from "./ice-servers.ts";
export * from "./json.ts";
export * from "./mp3.ts";
export * from "./pages.ts";
export * from "./parts.ts";
export * from "./pcm.ts";
export * from "./platform.ts";
export * from "./programme.ts";
export * from "./quantum.ts";
export * from "./rehearsal.ts";
export * from "./settings.ts";
export * from "./site.ts";
export * from "./staff.ts";
export * from "./stage-commands.ts";
export * from "./state.ts";
export * from "./subjects.ts";
