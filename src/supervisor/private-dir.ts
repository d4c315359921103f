import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { SupervisorError } from "./errors.ts";

const PREFIX = "rostra-";
/** `sun_path` of unix(7) holds 107 bytes, 103 on macOS; `/bus` is appended. */
const DIR_BYTES_MAX = 103 - "/bus".length;

/** A directory for sockets that only this user may enter (mode 700), with a path short enough for one. */
export async function makePrivateDir(): Promise<string> {
	const tried: string[] = [];
	for (const parent of [process.env["XDG_RUNTIME_DIR"], tmpdir(), "/tmp"]) {
		if (!parent || Buffer.byteLength(join(parent, `${PREFIX}XXXXXX`)) > DIR_BYTES_MAX) continue;
		try {
			return await mkdtemp(join(parent, PREFIX));
		} catch (error) {
			tried.push((error as Error).message);
		}
	}
	throw new SupervisorError(
		"no_socket_dir",
		`Cannot start as a directory for sockets with a short path is needed: ${tried.join("; ")}`,
	);
}

/** Only ever removes what `makePrivateDir` or the database's socket directory can have been. */
export async function removePrivateDir(path: string): Promise<void> {
	if (basename(path).startsWith(PREFIX)) await rm(path, { recursive: true, force: true }).catch(() => {});
}
