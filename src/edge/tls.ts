import { constants, randomBytes } from "node:crypto";
import type { Socket } from "node:net";
import { createSecureContext, type SecureContext, TLSSocket } from "node:tls";
import {
	type Certificate,
	type CertificatePaths,
	type Clock,
	followCertificate,
	readCertificate,
} from "#base/index.ts";
import type { Bus } from "#bus/index.ts";
import { readJson, TICKET_KEYS, TICKET_KEYS_REQUEST, type TicketKeys, ticketKeys } from "#wire/index.ts";
import type { EdgeEvents } from "./events.ts";

const ASK_TIMEOUT_MS = 2_000;
/** How long a client may come back with a session (RFC 8446 §4.6.1: at most a week); the keys last at least as long. */
const SESSION_S = 12 * 3_600;
const ALPN_PROTOCOLS = ["http/1.1"];
/** A certificate with less than this left has not been renewed by whoever was to do it. */
const EXPIRES_SOON_MS = 14 * 86_400_000;

/** Gives connections TLS: TLS 1.2 and 1.3, HTTP/1.1 only. */
export type TlsFront = {
	/** Begins a handshake on a connection, which may hold bytes that were read and put back. */
	secure(transport: Socket): TLSSocket;
};

/**
 * TLS for a door: a certificate that is followed, and session tickets that every worker understands.
 *
 * A new certificate is for new connections; those that are open keep what they have. Tickets are kept by clients and
 * sealed with keys that the supervisor hands out, so that a session begun at one worker goes on at another, or at
 * this one after a restart, without signature and certificate: with RSA that is half the price of a handshake, with
 * P-256 a tenth, and a kilobyte less to send.
 *
 * @throws Error when the certificate cannot be used.
 */
export async function openTlsFront(options: {
	readonly paths: CertificatePaths;
	readonly clock: Clock;
	readonly bus: Bus;
	readonly events: EdgeEvents;
}): Promise<TlsFront & Disposable> {
	const { paths, clock, bus, events } = options;
	using scope = new DisposableStack();
	const tickets = new Tickets();
	const first = await readCertificate(paths);
	let context = contextOf(first, tickets);
	const told = (certificate: Certificate) => {
		const expiresSoon = certificate.expiresUnixMs - clock.unixMs() < EXPIRES_SOON_MS;
		events.certificate(paths.certPath, certificate.expiresUnixMs, expiresSoon);
	};
	told(first);
	scope.use(
		followCertificate(paths, first, {
			clock,
			changed: (certificate) => {
				context = contextOf(certificate, tickets);
				told(certificate);
			},
			failed: (error) => events.certificateUnusable(error),
		}),
	);
	const take = (payload: Uint8Array) => tickets.take(readJson(ticketKeys, payload));
	scope.use(bus.subscribe(TICKET_KEYS, take));
	const ask = () =>
		bus.request(TICKET_KEYS_REQUEST, new Uint8Array(0), { timeoutMs: ASK_TIMEOUT_MS }).then(take, (error) => {
			// Sessions then go on at this worker only.
			events.ticketKeysMissing(error);
		});
	scope.use(bus.onConnect(() => void ask()));
	await ask();

	const running = scope.move();
	return {
		secure: (transport) =>
			new TLSSocket(transport, { isServer: true, secureContext: context, ALPNProtocols: ALPN_PROTOCOLS }),
		[Symbol.dispose]: () => running.dispose(),
	};
}

function contextOf({ cert, key }: Certificate, tickets: Tickets): SecureContext {
	const context = createSecureContext({
		cert,
		key,
		minVersion: "TLSv1.2",
		secureOptions: constants.SSL_OP_NO_RENEGOTIATION | constants.SSL_OP_CIPHER_SERVER_PREFERENCE,
		sessionIdContext: "rostra",
		sessionTimeout: SESSION_S,
	});
	tickets.sealFor(context);
	return context;
}

/** 16 bytes of name, 16 for HMAC-SHA-256, 16 for AES-128-CBC (RFC 5077 §4). */
const KEY_BYTES = 48;
const PART_BYTES = 16;

/** What OpenSSL's callback for ticket keys is told: whether, and with what, a ticket is opened or sealed. */
type KeyChoice = [verdict: number, hmac: Buffer, aes: Buffer, name: Buffer, iv: Buffer];
const UNKNOWN = 0;
/** Sealing. */
const VALID = 1;
/** Opened, and the client gets a new one for the next time: browsers use each ticket once (RFC 8446 §C.4). */
const VALID_RENEW = 2;

/** Keys that session tickets are sealed with, the newest one, and opened with, also the one before. */
class Tickets {
	#keys: readonly Buffer[] = [randomBytes(KEY_BYTES)];

	take({ current, previous }: TicketKeys): void {
		const keys = [current, ...(previous === null ? [] : [previous])].map((text) => Buffer.from(text, "base64"));
		if (keys.every((key) => key.length === KEY_BYTES)) this.#keys = keys;
	}

	/**
	 * `setTicketKeys` of node:tls knows one key, so that at each rotation everybody would make a new handshake. The
	 * context's callback, which Node has had since version 0.11 for its own tests and does not document, knows any
	 * number. Where it is gone one day, sessions are renewed at each certificate only.
	 */
	sealFor(context: SecureContext): void {
		const native = context.context as {
			enableTicketKeyCallback?: () => void;
			onticketkeycallback?: (name: Buffer, iv: Buffer, seals: boolean) => KeyChoice;
			setTicketKeys(keys: Buffer): void;
		};
		const newest = this.#keys[0] as Buffer;
		if (!native.enableTicketKeyCallback) return native.setTicketKeys(newest);
		native.onticketkeycallback = (name, _iv, seals) => this.#choose(name, seals);
		native.enableTicketKeyCallback();
	}

	#choose(name: Buffer, seals: boolean): KeyChoice {
		const at = seals ? 0 : this.#keys.findIndex((key) => key.compare(name, 0, PART_BYTES, 0, PART_BYTES) === 0);
		const key = this.#keys[Math.max(0, at)] as Buffer;
		const part = (nth: number) => key.subarray(nth * PART_BYTES, (nth + 1) * PART_BYTES);
		const verdict = at < 0 ? UNKNOWN : seals ? VALID : VALID_RENEW;
		return [verdict, part(1), part(2), part(0), seals ? randomBytes(PART_BYTES) : name];
	}
}
