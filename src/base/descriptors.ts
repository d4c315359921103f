import { readFile } from "node:fs/promises";

/** How many descriptors this process may have; undefined where the system does not tell (/proc is Linux'). */
export async function descriptorsMax(): Promise<number | undefined> {
	const limits = await readFile("/proc/self/limits", "utf8").catch(() => "");
	const found = /^Max open files\s+(\d+)/m.exec(limits)?.[1];
	return found === undefined ? undefined : Number(found);
}
