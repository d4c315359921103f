import { type IncomingMessage, request } from "node:http";
import { connect } from "node:net";
import { text } from "node:stream/consumers";
import { connect as connectTls } from "node:tls";
// A single file: the supervisor need not load the door.
import { LOCAL_HEADER } from "#edge/proxy-protocol.ts";
import type { PlatformSettings } from "#wire/index.ts";
import { isWildcard } from "../settings.ts";

const WITHIN_MS = 5_000;

/**
 * Asks our own public door, from this machine, as its proxy would where it has one.
 *
 * @returns undefined when it does not answer.
 */
export async function askOwnDoor(
	{ host, publicPort, publicDoor }: PlatformSettings,
	method: "GET" | "HEAD",
	path: string,
): Promise<{ readonly status: number; readonly body: string } | undefined> {
	const socket = connect(publicPort, isWildcard(host) ? "127.0.0.1" : host);
	if (publicDoor.proxy.mode === "proxy_v2") socket.write(LOCAL_HEADER);
	// Its certificate is for the name that people type; that this is our door needs no proof.
	const stream = publicDoor.tls ? connectTls({ socket, rejectUnauthorized: false }) : socket;
	try {
		const response = await new Promise<IncomingMessage>((resolve, reject) => {
			socket.once("error", reject);
			stream.once("error", reject);
			request({ method, path, headers: { host: "localhost" }, createConnection: () => stream, timeout: WITHIN_MS })
				.once("timeout", () => stream.destroy(new Error(`no answer within ${WITHIN_MS} ms`)))
				.once("error", reject)
				.once("response", resolve)
				.end();
		});
		return { status: response.statusCode ?? 0, body: await text(response) };
	} catch {
		return undefined;
	} finally {
		stream.destroy();
		socket.destroy();
	}
}
