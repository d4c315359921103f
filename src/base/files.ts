import { chmod, open, rename } from "node:fs/promises";

/**
 * Replaces a file in one step: whoever is killed meanwhile, or reads it, leaves or finds the old one or the new one,
 * never half of either. When the promise settles the new one survives a power cut. One writer at a time.
 *
 * @param mode permissions; default: this user alone.
 */
export async function replaceFile(path: string, bytes: string | Uint8Array, mode = 0o600): Promise<void> {
	const temporary = `${path}.new`;
	const file = await open(temporary, "w", mode);
	try {
		await file.writeFile(bytes);
		await file.sync();
	} finally {
		await file.close();
	}
	// One that was left behind keeps the permissions it had.
	await chmod(temporary, mode);
	await rename(temporary, path);
}
