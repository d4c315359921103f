/** Where bytes are kept for good: segments, recordings. Knows keys, not what they mean. */
export { type Appendable, type Objects, openDisk } from "./disk.ts";
export { MemoryObjects } from "./memory.ts";
