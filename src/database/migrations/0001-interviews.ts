import { type Kysely, sql } from "kysely";

export async function up(db: Kysely<unknown>): Promise<void> {
	await sql`
		create table people (
			person_id text primary key,
			name text not null,
			created_at timestamptz not null
		)`.execute(db);
	await sql`insert into people values ('owner', 'Host', now())`.execute(db);
	await sql`
		create table sign_in_links (
			link_hash text primary key,
			person_id text not null references people on delete cascade,
			expires_at timestamptz not null,
			used_at timestamptz
		)`.execute(db);
	await sql`
		create table sessions (
			session_hash text primary key,
			person_id text references people on delete cascade,
			seat_ids jsonb not null,
			created_at timestamptz not null,
			expires_at timestamptz not null,
			version integer not null
		)`.execute(db);
	await sql`
		create table interviews (
			interview_id text primary key,
			slug text not null,
			owner_id text not null references people,
			title text not null,
			description text not null,
			announced_start_at timestamptz not null,
			time_zone text not null,
			listed boolean not null,
			expected_minutes integer not null,
			late_reason text not null,
			demo boolean not null,
			lifecycle jsonb not null,
			pending_step jsonb,
			created_at timestamptz not null,
			removed_at timestamptz,
			version integer not null
		)`.execute(db);
	await sql`create unique index interviews_slug on interviews (slug) where removed_at is null`.execute(db);
	await sql`
		create table seats (
			seat_id text primary key,
			interview_id text not null references interviews on delete cascade,
			position integer not null,
			name text not null,
			role text not null,
			place text not null,
			muted boolean not null,
			gain_db double precision not null,
			token_generation integer not null,
			invitation_hash text,
			invitation_expires_at timestamptz,
			invitation_used_at timestamptz,
			consented_at timestamptz
		)`.execute(db);
	await sql`create index seats_interview on seats (interview_id)`.execute(db);
	await sql`
		create table transitions (
			interview_id text not null references interviews on delete cascade,
			sequence integer not null,
			at timestamptz not null,
			from_phase text not null,
			to_phase text not null,
			actor text not null,
			cause text not null,
			primary key (interview_id, sequence)
		)`.execute(db);
}
