import { randomUUID } from "node:crypto";
import {
	type InterviewDraft,
	interviewView,
	invitationLink,
	type SeatGrant,
	type StudioSnapshot,
	seatGrant,
	studioSnapshot,
} from "#wire/index.ts";
import type { Platform } from "./platform.ts";

export type Interview = ReturnType<typeof interviewView.parse>;

/** One person's browser as the staff door's API sees it: a cookie, and what it asks. */
export class StaffClient {
	readonly #platform: Pick<Platform, "staffUrl">;
	#cookie = "";

	constructor(platform: Pick<Platform, "staffUrl">) {
		this.#platform = platform;
	}

	/** @throws when the answer is not 2xx, with what it says. */
	async ask(method: "GET" | "POST" | "PATCH" | "DELETE", path: string, body?: unknown): Promise<unknown> {
		const answer = await fetch(`${this.#platform.staffUrl}/api/v1${path}`, {
			method,
			headers: {
				origin: this.#platform.staffUrl,
				...(this.#cookie === "" ? {} : { cookie: this.#cookie }),
				...(body === undefined ? {} : { "content-type": "application/json" }),
			},
			...(body === undefined ? {} : { body: JSON.stringify(body) }),
			signal: AbortSignal.timeout(15_000),
		});
		const cookie = answer.headers.get("set-cookie");
		if (cookie) this.#cookie = cookie.split(";")[0] as string;
		const text = await answer.text();
		if (!answer.ok) throw new Error(`Cannot ${method} ${path}: ${answer.status} ${text}`);
		return text === "" ? undefined : JSON.parse(text);
	}

	async signIn(platform: Platform): Promise<void> {
		await this.ask("POST", "/sign-in", { token: secretOf(await signInLink(platform)) });
	}

	/** Announces an interview that begins in ten minutes, so that its doors are open. */
	async announce(draft: Partial<InterviewDraft> = {}): Promise<Interview> {
		const made = await this.ask("POST", "/interviews", {
			title: "A test",
			description: "",
			slug: `test-${randomUUID().slice(0, 8)}`,
			announcedStartUnixMs: Date.now() + 10 * 60_000,
			timeZone: "UTC",
			listed: true,
			expectedMinutes: 10,
			people: [],
			...draft,
		});
		return interviewView.parse(made);
	}

	/** Invites a guest. @returns the link he gets. */
	async invite(interviewId: string, name: string): Promise<string> {
		return invitationLink.parse(await this.ask("POST", `/interviews/${interviewId}/people`, { name, role: "guest" }))
			.url;
	}

	/** The studio as its page is shown it now. */
	async studio(interviewId: string): Promise<StudioSnapshot> {
		const answer = await fetch(`${this.#platform.staffUrl}/api/v1/interviews/${interviewId}/events`, {
			headers: { cookie: this.#cookie },
			signal: AbortSignal.timeout(15_000),
		});
		let text = "";
		for await (const chunk of answer.body?.pipeThrough(new TextDecoderStream()) ?? []) {
			text += chunk;
			const data = /^data: ?(.*)\n/m.exec(text)?.[1];
			if (data !== undefined) return studioSnapshot.parse(JSON.parse(data));
		}
		throw new Error(`Cannot see the studio: ${answer.status} ${text}`);
	}

	/** Takes the seat of an invitation and what is needed to speak, in the green room. */
	async takeSeat(interviewId: string, link: string): Promise<SeatGrant> {
		await this.ask("POST", "/invitations/redeem", { token: secretOf(link), consent: true });
		return await this.seat(interviewId);
	}

	/** What is needed to speak on one's own seat, in the green room. */
	async seat(interviewId: string): Promise<SeatGrant> {
		const grant = seatGrant.parse(await this.ask("POST", `/interviews/${interviewId}/seat`, {}));
		await this.ask("PATCH", `/interviews/${interviewId}/seats/${grant.seatId}`, { place: "green" });
		return grant;
	}
}

/** A fresh one-time link, as `npm run -s rostra -- sign-in` prints it. */
export async function signInLink(platform: Platform): Promise<string> {
	const printed = await platform.rostra("sign-in");
	const link = /https?:\S+\/sign-in#\S+/.exec(printed)?.[0];
	if (!link) throw new Error(`Cannot sign in as no link was printed: ${printed}`);
	return link;
}

function secretOf(link: string): string {
	return decodeURIComponent(new URL(link).hash.slice(1));
}
