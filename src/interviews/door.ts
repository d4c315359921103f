import { createServer as createHttpServer, type Server, type ServerResponse } from "node:http";
import { createServer as createHttpsServer, type Server as HttpsServer } from "node:https";
import type { Duplex } from "node:stream";
import { createAdaptorServer } from "@hono/node-server";
import { Hono } from "hono";
import {
	type CertificatePaths,
	type Clock,
	descriptorsMax,
	followCertificate,
	type Random,
	readCertificate,
} from "#base/index.ts";
import { type Refusal, refusal } from "./errors.ts";
import type { InterviewEvents } from "./events.ts";
import { failureResponse, problemMessage, problemResponse } from "./problems.ts";
import type { Bindings, Ctx } from "./requests.ts";
import { hasShownRight, watchVisitors } from "./visitors.ts";

/** Who has shown a right: a head must be there within this, and a request within twice it. Who has not gets less: see visitors.ts. */
const HEAD_WITHIN_MS = 5_000;
const IDLE_MS = 15_000;
/** Connections at once, where descriptors allow it. */
const CONNECTIONS_MAX = 2_000;
/** Files and sockets that are no connections: bus, database, pages, a reserve. */
const DESCRIPTORS_HELD_BACK = 300;
/** Connections the kernel may hold before we accept them; it cuts this to net.core.somaxconn. */
const BACKLOG = 4_096;
const HEAD_BYTES_MAX = 16_384;

export type DoorOptions = {
	readonly host: string;
	readonly port: number;
	/** Followed: a renewed certificate is for new connections. */
	readonly tls: CertificatePaths | null;
	readonly clock: Clock;
	readonly random: Random;
	/** Whether a request carries a right to be here, as far as any door can tell: a session. */
	readonly hasRight: (c: Ctx) => boolean;
	/** In this order; the first that knows an address answers it. */
	readonly apps: readonly (readonly [path: string, app: Hono<Bindings>])[];
	readonly events: InterviewEvents;
};

/** The staff door: HTTP/1.1, with TLS when it has a certificate. @throws when the port is taken or the certificate cannot be read. */
export async function openDoor(options: DoorOptions): Promise<AsyncDisposable> {
	const { host, port, tls, apps, clock, random, hasRight, events } = options;
	const app = new Hono<Bindings>();
	app.use(async (c, next) => {
		if (hasRight(c)) hasShownRight(c);
		await next();
	});
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
					serverOptions: {
						...serverOptions,
						handshakeTimeout: HEAD_WITHIN_MS,
						cert: certificate.cert,
						key: certificate.key,
					},
				})
			: createAdaptorServer({ fetch: app.fetch, createServer: createHttpServer, serverOptions })
	) as Server;
	const descriptors = (await descriptorsMax()) ?? CONNECTIONS_MAX + DESCRIPTORS_HELD_BACK;
	const connectionsMax = Math.max(100, Math.min(CONNECTIONS_MAX, descriptors - DESCRIPTORS_HELD_BACK));
	const watching = watchVisitors(server, { clock, random, events, connectionsMax, isTls: tls !== null });
	answerMalformedHeads(server, events);
	await new Promise<void>((resolve, reject) => {
		server.once("error", reject);
		server.listen({ port, host, backlog: BACKLOG }, resolve);
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
			watching[Symbol.dispose]();
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
