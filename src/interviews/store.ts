import type { Kysely } from "kysely";
import type { InterviewRow, Kept, MirrorStore, SeatRow, Tables, TransitionRow } from "#database/index.ts";
import { type Interview, parseInterview } from "./interview.ts";

/** Interviews in PostgreSQL, each written as a whole in one transaction; an older version never replaces a newer one. */
export function interviewStore(db: Kysely<Tables>): MirrorStore<Interview> {
	return {
		async load() {
			const interviews = await db.selectFrom("interviews").selectAll().orderBy("created_at").execute();
			const seats = Map.groupBy(
				await db.selectFrom("seats").selectAll().orderBy("position").execute(),
				(row) => row.interview_id,
			);
			const transitions = Map.groupBy(
				await db.selectFrom("transitions").selectAll().orderBy("sequence").execute(),
				(row) => row.interview_id,
			);
			return interviews.map((row) =>
				fromRows(row, seats.get(row.interview_id) ?? [], transitions.get(row.interview_id) ?? []),
			);
		},

		write: (kept) =>
			db.transaction().execute(async (transaction) => {
				const { value: interview } = kept;
				const { interviewId } = interview;
				const row = toRow(kept);
				const written = await transaction
					.insertInto("interviews")
					.values(row)
					.onConflict((conflict) =>
						conflict.column("interview_id").doUpdateSet(row).where("interviews.version", "<=", kept.version),
					)
					.executeTakeFirst();
				if (written.numInsertedOrUpdatedRows === 0n) return;
				await transaction.deleteFrom("seats").where("interview_id", "=", interviewId).execute();
				if (interview.seats.length > 0) {
					await transaction.insertInto("seats").values(toSeatRows(interview)).execute();
				}
				if (interview.transitions.length > 0) {
					await transaction
						.insertInto("transitions")
						.values(toTransitionRows(interview))
						.onConflict((conflict) => conflict.columns(["interview_id", "sequence"]).doNothing())
						.execute();
				}
				if (interview.removedUnixMs !== null) {
					await transaction.deleteFrom("transitions").where("interview_id", "=", interviewId).execute();
				}
			}),
	};
}

function toRow({ value: interview, version }: Kept<Interview>) {
	return {
		interview_id: interview.interviewId,
		slug: interview.slug,
		owner_id: interview.ownerId,
		title: interview.title,
		description: interview.description,
		announced_start_at: new Date(interview.announcedStartUnixMs),
		time_zone: interview.timeZone,
		listed: interview.listed,
		expected_minutes: interview.expectedMinutes,
		late_reason: interview.lateReason,
		demo: interview.demo,
		lifecycle: JSON.stringify(interview.lifecycle),
		pending_step: interview.pendingStep ? JSON.stringify(interview.pendingStep) : null,
		created_at: new Date(interview.createdUnixMs),
		removed_at: instant(interview.removedUnixMs),
		version,
	};
}

function toSeatRows(interview: Interview) {
	return interview.seats.map((seat, position) => ({
		seat_id: seat.seatId,
		interview_id: interview.interviewId,
		position,
		name: seat.name,
		role: seat.role,
		place: seat.place,
		muted: seat.muted,
		gain_db: seat.gainDb,
		token_generation: seat.tokenGeneration,
		invitation_hash: seat.invitationHash,
		invitation_expires_at: instant(seat.invitationExpiresUnixMs),
		invitation_used_at: instant(seat.invitationUsedUnixMs),
		consented_at: instant(seat.consentedUnixMs),
	}));
}

function toTransitionRows(interview: Interview) {
	return interview.transitions.map((transition) => ({
		interview_id: interview.interviewId,
		sequence: transition.sequence,
		at: new Date(transition.atUnixMs),
		from_phase: transition.from,
		to_phase: transition.to,
		actor: transition.actor,
		cause: transition.cause,
	}));
}

function fromRows(
	row: InterviewRow,
	seats: readonly SeatRow[],
	transitions: readonly TransitionRow[],
): Kept<Interview> {
	const value = parseInterview({
		interviewId: row.interview_id,
		slug: row.slug,
		ownerId: row.owner_id,
		title: row.title,
		description: row.description,
		announcedStartUnixMs: row.announced_start_at.getTime(),
		timeZone: row.time_zone,
		listed: row.listed,
		expectedMinutes: row.expected_minutes,
		lateReason: row.late_reason,
		demo: row.demo,
		lifecycle: row.lifecycle,
		pendingStep: row.pending_step,
		createdUnixMs: row.created_at.getTime(),
		removedUnixMs: unixMs(row.removed_at),
		seats: seats.map((seat) => ({
			seatId: seat.seat_id,
			name: seat.name,
			role: seat.role,
			place: seat.place,
			muted: seat.muted,
			gainDb: seat.gain_db,
			tokenGeneration: seat.token_generation,
			invitationHash: seat.invitation_hash,
			invitationExpiresUnixMs: unixMs(seat.invitation_expires_at),
			invitationUsedUnixMs: unixMs(seat.invitation_used_at),
			consentedUnixMs: unixMs(seat.consented_at),
		})),
		transitions: transitions.map((transition) => ({
			sequence: transition.sequence,
			atUnixMs: transition.at.getTime(),
			from: transition.from_phase,
			to: transition.to_phase,
			actor: transition.actor,
			cause: transition.cause,
		})),
	});
	return { value, version: row.version };
}

function instant(unixMs: number | null): Date | null {
	return unixMs === null ? null : new Date(unixMs);
}

function unixMs(at: Date | null): number | null {
	return at === null ? null : at.getTime();
}
