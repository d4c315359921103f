import { createServer, type Server } from "node:http";
import { writeJson } from "#wire/index.ts";
import { FIELDS_MAX, HEAD_BYTES_MAX } from "./head.ts";
import { SENTENCES } from "./sentences.ts";

/**
 * The node:http server behind the door: everything that is not a hot path. It never listens; the door gives it
 * connections whose next request head has passed `HeadReader`, unread. It answers one request and closes, so no
 * connection can come to rest here, and the door's own patience (`body`) covers the whole of it: the timeouts of
 * node:http start with `listening` and would never run.
 */
export function createCold(): Server {
	const server = createServer({ maxHeaderSize: 2 * HEAD_BYTES_MAX, keepAlive: false }, (request, response) => {
		const problem = { type: "about:blank", title: SENTENCES.no_api.en, status: 404, code: "no_api" };
		const body = writeJson(problem);
		response.writeHead(404, {
			"Content-Type": "application/problem+json",
			"Content-Length": body.length,
			"Cache-Control": "no-store",
			"X-Content-Type-Options": "nosniff",
			Connection: "close",
		});
		response.end(body);
		request.resume();
	});
	server.maxHeadersCount = FIELDS_MAX;
	server.keepAliveTimeout = 1;
	server.maxRequestsPerSocket = 1;
	server.on("clientError", (_error, socket) => socket.destroy());
	return server;
}
