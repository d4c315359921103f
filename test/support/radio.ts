import { connect } from "node:net";
import { IcyReader } from "#edge/icy.testing.ts";

export type Tuned = {
	readonly status: number;
	/** Names in lower case. */
	readonly fields: ReadonlyMap<string, string>;
	/** Sound alone, whether or not there was metadata between it. */
	readonly sound: Buffer;
	readonly titles: readonly { readonly atByte: number; readonly title: string }[];
	/** From the request to the first byte of sound. */
	readonly firstByteMs: number;
	/** What came within half a second of that. */
	readonly burstBytes: number;
};

/**
 * A radio as simple as they come: HTTP/1.0, one request, no chunks; reads titles if `icy`.
 *
 * @throws RangeError where metadata breaks a rule.
 */
export async function tune(url: string, options: { readonly icy: boolean; readonly seconds: number }): Promise<Tuned> {
	const { hostname, port, pathname, host } = new URL(url);
	const socket = connect(Number(port), hostname);
	const beganMs = performance.now();
	const icy = options.icy ? "Icy-MetaData: 1\r\n" : "";
	socket.write(`GET ${pathname} HTTP/1.0\r\nHost: ${host}\r\nUser-Agent: radio\r\n${icy}\r\n`);
	let head = "";
	let reader: IcyReader | undefined;
	let fields = new Map<string, string>();
	let [bytes, burstBytes, firstByteMs] = [0, 0, Number.NaN];
	const plain: Buffer[] = [];
	const take = (piece: Buffer) => {
		if (piece.length === 0) return;
		const nowMs = performance.now() - beganMs;
		if (Number.isNaN(firstByteMs)) firstByteMs = nowMs;
		bytes += piece.length;
		if (nowMs - firstByteMs <= 500) burstBytes = bytes;
		if (reader) reader.push(piece);
		else plain.push(piece);
	};
	const leave = setTimeout(() => socket.destroy(), options.seconds * 1_000);
	socket.on("data", (piece: Buffer) => {
		if (head.endsWith("\r\n\r\n")) return take(piece);
		const text = head + piece.toString("latin1");
		const end = text.indexOf("\r\n\r\n");
		if (end < 0) {
			head = text;
			return;
		}
		const restAt = piece.length - (text.length - end - 4);
		head = text.slice(0, end + 4);
		fields = new Map(
			head
				.split("\r\n")
				.slice(1, -2)
				.map((line) => [line.slice(0, line.indexOf(":")).toLowerCase(), line.slice(line.indexOf(":") + 1).trim()]),
		);
		const metaint = fields.get("icy-metaint");
		if (metaint !== undefined) reader = new IcyReader(Number(metaint));
		take(piece.subarray(restAt));
	});
	await new Promise<void>((resolve, reject) => socket.once("error", reject).once("close", () => resolve()));
	clearTimeout(leave);
	return {
		status: Number(head.split(" ")[1]),
		fields,
		sound: reader?.sound ?? Buffer.concat(plain),
		titles: reader?.titles ?? [],
		firstByteMs,
		burstBytes,
	};
}
