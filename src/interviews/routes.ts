import { Hono } from "hono";
import * as z from "zod/mini";
import type { Session } from "#people/index.ts";
import { type Refusal, refusal } from "./errors.ts";
import type { InterviewEvents } from "./events.ts";
import { type Interview, mayDirect, type Seat } from "./interview.ts";
import { failureResponse, problemResponse } from "./problems.ts";
import { type Bindings, type Ctx, isOwnOrigin, readBody } from "./requests.ts";

/**
 * Who may: `anyone`; a `browser` that signed in or redeemed an invitation; a `person` with an account; somebody `in`
 * the interview of the path; one who may `direct` it; its `owner`.
 */
export type Access = "anyone" | "browser" | "person" | "in" | "direct" | "owner";

type Method = "get" | "post" | "put" | "patch" | "delete";

/** What a handler is told, by access: a field exists only where it was checked. */
export type Asked = {
	readonly c: Ctx;
	readonly session: Session | undefined;
	/** With `in`, `direct` and `owner`. */
	readonly interview: Interview;
	/** The asker's seat in it: for an owner without another the first host's. */
	readonly seat: Seat | undefined;
	/** `person:<id>` or `seat:<id>`, for the record. */
	readonly actor: string;
};

export type Route = {
	readonly method: Method;
	/** Below `/api/v1`, with `:name` for parameters. */
	readonly path: string;
	readonly summary: string;
	readonly access: Access;
	readonly body: z.ZodMiniType | undefined;
	readonly answer: z.ZodMiniType | undefined;
	readonly handle: (asked: Asked, body: unknown) => Promise<Answer> | Answer;
};

/** A refusal, a finished response, or a status with the JSON of `answer`. */
type Answer =
	| Refusal
	| Response
	| { readonly ok: true; readonly json?: unknown; readonly headers?: Record<string, string> };

/** Ties the type of the body to its schema. */
export function route<S extends z.ZodMiniType>(options: {
	method: Method;
	path: string;
	summary: string;
	access: Access;
	body?: S;
	answer?: z.ZodMiniType;
	handle: (asked: Asked, body: z.output<S>) => Promise<Answer> | Answer;
}): Route {
	const { body, answer, handle, ...rest } = options;
	return { ...rest, body, answer, handle: handle as Route["handle"] };
}

export type RoutesOptions = {
	readonly routes: readonly Route[];
	readonly sessionOf: (c: Ctx) => Session | undefined;
	/** By id or slug, without removed ones. */
	readonly find: (key: string) => Interview | undefined;
	readonly events: InterviewEvents;
	/** Turns an error that only says that something outside is away into a refusal. */
	readonly refusalOf: (error: unknown) => Refusal | undefined;
};

/** The routes as an app: access, body and answer are checked in one place, errors become problem+json in one place. */
export function createRoutes({ routes, sessionOf, find, events, refusalOf }: RoutesOptions): Hono<Bindings> {
	const app = new Hono<Bindings>();
	const refuse = (refused: Refusal, headers: Record<string, string> = {}) => {
		events.refused(refused.code);
		return problemResponse(refused, headers);
	};
	app.onError((error, c) => {
		const refused = refusalOf(error);
		if (refused) return refuse(refused);
		events.requestFailed(c.req.routePath, error);
		return failureResponse();
	});
	app.notFound(() => refuse(refusal("not_found", "There is nothing at this address. See /openapi.json.")));

	for (const { method, path, access, body: schema, handle } of routes) {
		app.on(method.toUpperCase(), path, async (c) => {
			if (method !== "get" && !isOwnOrigin(c)) {
				return refuse(refusal("foreign_origin", "This request came from a page of another site. Use our own pages."));
			}
			const allowed = admit(c, access, sessionOf(c), find);
			if (!allowed.ok) return refuse(allowed);
			let body: unknown = {};
			if (schema) {
				const read = await readBody(c, schema);
				if (!read.ok) return refuse(read);
				body = read.body;
			}
			const answer = await handle(allowed.asked, body);
			if (answer instanceof Response) return answer;
			if (!answer.ok) return refuse(answer);
			const headers = { "cache-control": "no-store", ...answer.headers };
			return answer.json === undefined
				? new Response(null, { status: 204, headers })
				: new Response(JSON.stringify(answer.json), {
						status: 200,
						headers: { "content-type": "application/json", ...headers },
					});
		});
	}
	for (const path of new Set(routes.map((each) => each.path))) {
		const allow = routes.filter((each) => each.path === path).map((each) => each.method.toUpperCase());
		if (allow.includes("GET")) allow.push("HEAD");
		app.all(path, () =>
			refuse(refusal("method_not_allowed", `Only ${allow.join(", ")} are answered here.`), { allow: allow.join(", ") }),
		);
	}
	return app;
}

function admit(
	c: Ctx,
	access: Access,
	session: Session | undefined,
	find: (key: string) => Interview | undefined,
): Refusal | { ok: true; asked: Asked } {
	const nobody = { c, session, seat: undefined, actor: "" } as unknown as Asked;
	if (access === "anyone") return { ok: true, asked: nobody };
	if (!session) {
		return refusal("sign_in_required", "Sign in first: open your sign-in link or your invitation in this browser.");
	}
	const actor = session.personId === null ? "guest" : `person:${session.personId}`;
	if (access === "browser") return { ok: true, asked: { ...nobody, actor } };
	if (access === "person") {
		if (session.personId !== null) return { ok: true, asked: { ...nobody, actor } };
		return refusal("not_yours", "Guests cannot do this. Ask whoever invited you.");
	}

	const interview = find(c.req.param("id") ?? "");
	const held = interview?.seats.filter((seat) => session.seatIds.includes(seat.seatId)) ?? [];
	const isOwner = interview !== undefined && interview.ownerId === session.personId;
	if (!interview || (!isOwner && held.length === 0)) {
		return refusal("not_found", "There is no such interview, or this browser has no part in it.");
	}
	const wanted = c.req.query("seat");
	const seat = held.find((other) => other.seatId === wanted) ?? (isOwner ? ownerSeat(interview, wanted) : held.at(-1));
	const asked = { c, session, interview, seat, actor: isOwner ? actor : `seat:${seat?.seatId}` };
	if (access === "in" || isOwner) return { ok: true, asked };
	if (access === "direct" && seat && mayDirect(seat.role)) return { ok: true, asked };
	return refusal("not_yours", "Only the host or a co-host can do this. Ask them.");
}

/** An owner sits on the first host's seat, unless that one was given away by an invitation. */
function ownerSeat(interview: Interview, wanted: string | undefined): Seat | undefined {
	const hosts = interview.seats.filter((seat) => seat.role === "host");
	const own = hosts.filter((seat) => seat.invitationHash === null);
	return own.find((seat) => seat.seatId === wanted) ?? own[0] ?? hosts[0];
}

/** The routes as an OpenAPI 3.1 document, whose schemas are JSON Schema as zod states them. */
export function openApiOf(routes: readonly Route[], serverUrl: string): unknown {
	const schemaOf = (schema: z.ZodMiniType) => {
		const { $schema: _, ...rest } = z.toJSONSchema(schema, { io: "input", unrepresentable: "any" });
		return rest;
	};
	const content = (schema: z.ZodMiniType) => ({ "application/json": { schema: schemaOf(schema) } });
	const paths: Record<string, Record<string, unknown>> = {};
	for (const { method, path, summary, access, body, answer } of routes) {
		const address = `/api/v1${path.replace(/:([A-Za-z]+)/g, "{$1}")}`;
		const names = [...path.matchAll(/:([A-Za-z]+)/g)].map((found) => found[1]);
		paths[address] ??= {};
		paths[address][method] = {
			summary,
			description: `Who may: ${access}.`,
			security: access === "anyone" ? [] : [{ session: [] }],
			parameters: names.map((name) => ({ name, in: "path", required: true, schema: { type: "string" } })),
			...(body ? { requestBody: { content: content(body) } } : {}),
			responses: {
				...(answer ? { 200: { description: "Done", content: content(answer) } } : { 204: { description: "Done" } }),
				default: {
					description: "Refused or failed (RFC 9457)",
					content: { "application/problem+json": { schema: { $ref: "#/components/schemas/Problem" } } },
				},
			},
		};
	}
	return {
		openapi: "3.1.0",
		info: { title: "Rostra, staff door", version: "1" },
		servers: [{ url: serverUrl }],
		paths,
		components: {
			schemas: {
				Problem: {
					type: "object",
					properties: {
						type: { type: "string" },
						title: { type: "string" },
						status: { type: "integer" },
						detail: { type: "string" },
						pointer: { type: "string" },
						code: { type: "string" },
					},
					required: ["type", "title", "status"],
				},
			},
			securitySchemes: { session: { type: "apiKey", in: "cookie", name: "rostra" } },
		},
	};
}
