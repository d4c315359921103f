import type { ColumnType, Insertable, Selectable } from "kysely";

/** `timestamptz`, as a `Date` of whole milliseconds. */
type Instant = Date;
type InstantOrNull = ColumnType<Date | null, Date | null, Date | null>;

/** Somebody with an account. For now one: whoever runs the platform. */
export type PeopleTable = {
	person_id: string;
	name: string;
	created_at: Instant;
};

/** One-time links; only the SHA-256 of the secret is kept. */
export type SignInLinksTable = {
	link_hash: string;
	person_id: string;
	expires_at: Instant;
	used_at: InstantOrNull;
};

/** One row per browser that signed in or redeemed an invitation; only the SHA-256 of the cookie is kept. */
export type SessionsTable = {
	session_hash: string;
	/** Null for a guest. */
	person_id: string | null;
	/** Seats this browser may take, JSON array of seat ids. */
	seat_ids: ColumnType<string[], string, string>;
	created_at: Instant;
	expires_at: Instant;
	/** Grows with every change, see mirror.ts. */
	version: number;
};

export type InterviewsTable = {
	interview_id: string;
	/** Unique among interviews that were not removed. */
	slug: string;
	owner_id: string;
	title: string;
	description: string;
	announced_start_at: Instant;
	time_zone: string;
	listed: boolean;
	expected_minutes: number;
	late_reason: string;
	demo: boolean;
	/** The `Lifecycle` union of interviews/lifecycle.ts. */
	lifecycle: ColumnType<unknown, string, string>;
	/** The `PendingStep` of interviews/interview.ts. */
	pending_step: ColumnType<unknown, string | null, string | null>;
	created_at: Instant;
	/** A removed interview keeps its slug, so that its addresses answer 410, and nothing else. */
	removed_at: InstantOrNull;
	/** Grows with every change, see mirror.ts. */
	version: number;
};

export type SeatsTable = {
	seat_id: string;
	interview_id: string;
	/** Order among the interview's seats, from 0. */
	position: number;
	name: string;
	role: string;
	place: string;
	muted: boolean;
	gain_db: number;
	/** Raised to make every token of the seat void. */
	token_generation: number;
	invitation_hash: string | null;
	invitation_expires_at: InstantOrNull;
	invitation_used_at: InstantOrNull;
	/** When the guest agreed to being broadcast and recorded. */
	consented_at: InstantOrNull;
};

/** What happened to an interview, each once. Never changed or removed while the interview exists. */
export type TransitionsTable = {
	interview_id: string;
	/** From 0, without a hole. */
	sequence: number;
	at: Instant;
	from_phase: string;
	to_phase: string;
	/** `person:<id>`, `seat:<id>`, `clock`, `platform` or `command_line`. */
	actor: string;
	cause: string;
};

export type Tables = {
	people: PeopleTable;
	sign_in_links: SignInLinksTable;
	sessions: SessionsTable;
	interviews: InterviewsTable;
	seats: SeatsTable;
	transitions: TransitionsTable;
};

export type InterviewRow = Selectable<InterviewsTable>;
export type SeatRow = Selectable<SeatsTable>;
export type TransitionRow = Selectable<TransitionsTable>;
export type SessionRow = Selectable<SessionsTable>;
export type NewInterviewRow = Insertable<InterviewsTable>;
export type NewSeatRow = Insertable<SeatsTable>;
