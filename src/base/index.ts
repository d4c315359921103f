/** What every process needs and no capability owns: clocks, randomness, bytes, the log, certificates. Knows nothing of sound or words. */
export * from "./bytes.ts";
export * from "./certificate.ts";
export * from "./descriptors.ts";
export * from "./files.ts";
export * from "./log.ts";
export * from "./output.ts";
export * from "./random.ts";
export * from "./sockets.ts";
export * from "./time.ts";
export * from "./x509.ts";
