import { createServer as createHttpServer, type Server, type ServerResponse } from "node:http";
import { createServer as createHttpsServer, type Server as HttpsServer } from "node:https";
import type { Duplex } from "node:stream";
import { createAdaptorServer } from "@hono/node-server";
import { Hono } from "hono";
import { type CertificatePaths, type Clock, followCertificate, readCertificate } from "#base/index.ts";
import { type Refusal, refusal } from "./errors.ts";
import type { InterviewEvents } from "./events.ts";
import { failureResponse, problemMessage, problemResponse } from "./problems.ts";
import type { Bindings } from "./requests.ts";

/** A head must be there within this, and a request within twice it: who has shown no right gets little time. */
const HEAD_WITHIN_MS = 5_000;
const IDLE_MS = 15_000;
/** Connections at once; one more is closed unanswered. */
const CONNECTIONS_MAX = 2_000;
const HEAD_BYTES_MAX = 16_384;

export type DoorOptions = {
	readonly host: string;
	readonly port: number;
	/** Followed: a renewed certificate is for new connections. */
	readonly tls: CertificatePaths | null;
	readonly clock: Clock;
	/** In this order; the first that knows an address answers it. */
	readonly apps: readonly (readonly [path: string, app: Hono<Bindings>])[];
	readonly events: InterviewEvents;
};

/** The staff door: HTTP/1.1, with TLS when it has a certificate. @throws when the port is taken or the certificate cannot be read. */
export async function openDoor({ host, port, tls, apps, clock, events }: DoorOptions): Promise<AsyncDisposable> {
	const app = new Hono<Bindings>();
	for (const [path, part] of apps) app.route(path, part);
	app.notFound(() => problemResponse(refusal("not_found", "There is nothing at this address.")));
	app.onError((error, c) => {
		events.requestFailed(c.req.routePath, error);
		return failureResponse();
	});

	const serverOptions = {
		headersTimeout: HEAD_WITHIN_MS,
		requestTimeout: 2 * HEAD_WITHIN_MS,
		keepAliveTimeout: IDLE_MS,
		connectionsCheckingInterval: 1_000,
		maxHeaderSize: HEAD_BYTES_MAX,
	};
	const certificate = tls && (await readCertificate(tls));
	const server = (
		certificate
			? createAdaptorServer({
					fetch: app.fetch,
					createServer: createHttpsServer,
					serverOptions: { ...serverOptions, cert: certificate.cert, key: certificate.key },
				})
			: createAdaptorServer({ fetch: app.fetch, createServer: createHttpServer, serverOptions })
	) as Server;
	server.maxConnections = CONNECTIONS_MAX;
	answerMalformedHeads(server, events);
	await new Promise<void>((resolve, reject) => {
		server.once("error", reject);
		server.listen(port, host, resolve);
	});
	const following =
		tls &&
		certificate &&
		followCertificate(tls, certificate, {
			clock,
			changed: ({ cert, key }) => (server as HttpsServer).setSecureContext({ cert, key }),
			failed: (error) => events.certificateUnusable(error),
		});
	return {
		async [Symbol.asyncDispose]() {
			following?.[Symbol.dispose]();
			const closed = new Promise((resolve) => server.close(resolve));
			server.closeAllConnections();
			await closed;
		},
	};
}

/** A head that is none never reaches an app: Node hands over the bare connection. */
function answerMalformedHeads(server: Server, events: InterviewEvents): void {
	const answers = new WeakMap<Duplex, ServerResponse>();
	server.on("request", ({ socket }, response) => answers.set(socket, response));
	server.on("clientError", (error: NodeJS.ErrnoException, socket) => {
		const current = answers.get(socket);
		const isAnswering = current?.headersSent === true && !current.writableFinished;
		// Handshakes that fail and connections that break end here too, and have nobody to answer.
		const isOfHttp = /^(HPE|ERR_HTTP)_/.test(error.code ?? "");
		if (!isOfHttp || !socket.writable || isAnswering) {
			socket.destroy();
			return;
		}
		const refused = headRefusal(error.code);
		events.refused(refused.code);
		// Not `end` alone: who sends nonsense may never close his side.
		socket.end(problemMessage(refused), () => socket.destroy());
	});
}

function headRefusal(code: string | undefined): Refusal {
	switch (code) {
		case "HPE_HEADER_OVERFLOW":
			return refusal("head_too_large", `The head may have ${HEAD_BYTES_MAX} bytes at most. Send less.`);
		case "ERR_HTTP_REQUEST_TIMEOUT":
			return refusal("too_slow", "The request did not arrive in time. Send it again.");
		default:
			return refusal("malformed", "This is no HTTP request. Check its first line, its header fields and its length.");
	}
}
