import type { MonoMs } from "#base/index.ts";
import type { Place } from "#wire/index.ts";
import { SEATS_MAX } from "#wire/index.ts";
import { BYE_SILENCE_MS, CONNECT_MS_MAX, GOODBYE_KEPT_MS, LOST_KEPT_MS, SILENCE_LOST_MS } from "./config.ts";

export type SeatSettings = { readonly place: Place; readonly muted: boolean; readonly gainDb: number };

/** `left`: he said goodbye. `closed`: the connection failed. */
export type LostReason = "silent" | "left" | "closed" | "never_connected";

/** A seat's connection. `peer` exists while there is something to close. */
export type Connection<Peer> =
	| { readonly state: "connecting"; readonly sessionId: string; readonly peer: Peer; readonly sinceMs: MonoMs }
	| {
			readonly state: "connected";
			readonly sessionId: string;
			readonly peer: Peer;
			readonly lastPacketMs: MonoMs;
			/** He said that he leaves, and nothing came since. */
			readonly byeMs?: MonoMs;
	  }
	/** Packets stopped, the path may return. */
	| { readonly state: "silent"; readonly sessionId: string; readonly peer: Peer; readonly sinceMs: MonoMs }
	| {
			readonly state: "gone";
			readonly sessionId: string;
			readonly reason: LostReason;
			/** When a seat that its speaker gave up is free; null while it is kept. */
			readonly freeAtMs: MonoMs | null;
	  };

export type Seat<Peer> = {
	readonly seatId: string;
	settings: SeatSettings;
	connection: Connection<Peer>;
};

export type SeatChange<Peer> = { readonly seat: Seat<Peer>; readonly close?: Peer; readonly isFreed?: boolean };

/**
 * Who sits where, and whether they are there. Pure: knows no sound and no network; `Peer` is whatever its owner
 * must close. See SPEC.md, S1 to S8.
 */
export class Seats<Peer> {
	/** At most SEATS_MAX. */
	readonly #seats = new Map<string, Seat<Peer>>();

	/** In the order of arrival. */
	all(): Iterable<Seat<Peer>> {
		return this.#seats.values();
	}

	get count(): number {
		return this.#seats.size;
	}

	get(seatId: string): Seat<Peer> | undefined {
		return this.#seats.get(seatId);
	}

	bySession(sessionId: string): Seat<Peer> | undefined {
		for (const seat of this.#seats.values()) if (seat.connection.sessionId === sessionId) return seat;
		return undefined;
	}

	/** Whether `seatId` could be seated: it has its seat already, or one is free. */
	hasRoomFor(seatId: string): boolean {
		return this.#seats.has(seatId) || this.#seats.size < SEATS_MAX;
	}

	/** Seats a speaker anew. @returns the connection it replaces, to be closed. The caller asked `hasRoomFor`. */
	seat(
		seatId: string,
		settings: SeatSettings,
		connection: { readonly sessionId: string; readonly peer: Peer },
		nowMs: MonoMs,
	): SeatChange<Peer> {
		const known = this.#seats.get(seatId);
		const close = known && peerOf(known);
		const connecting = { state: "connecting", ...connection, sinceMs: nowMs } as const;
		const seat = known ?? { seatId, settings, connection: connecting };
		seat.settings = settings;
		seat.connection = connecting;
		this.#seats.set(seatId, seat);
		return close === undefined ? { seat } : { seat, close };
	}

	/** A packet came. @returns true when the connection changed. */
	packet(seat: Seat<Peer>, peer: Peer, nowMs: MonoMs): boolean {
		const { connection } = seat;
		switch (connection.state) {
			case "connected":
				if (connection.peer !== peer) return false;
				seat.connection = { state: "connected", sessionId: connection.sessionId, peer, lastPacketMs: nowMs };
				return false;
			case "connecting":
			case "silent":
				if (connection.peer !== peer) return false;
				seat.connection = { state: "connected", sessionId: connection.sessionId, peer, lastPacketMs: nowMs };
				return true;
			case "gone":
				return false;
		}
	}

	/** An RTCP BYE came. Whoever goes on sending did not leave: a client may drop one source and begin another. */
	bye(seat: Seat<Peer>, peer: Peer, nowMs: MonoMs): void {
		const { connection } = seat;
		if (connection.state === "connected" && connection.peer === peer) seat.connection = { ...connection, byeMs: nowMs };
	}

	/** The engine says that `peer` is no more. @returns true when that was the seat's own connection. */
	closed(seat: Seat<Peer>, peer: Peer, reason: "left" | "closed", nowMs: MonoMs): boolean {
		if (peerOf(seat) !== peer) return false;
		this.#let(seat, reason, reason === "left" ? nowMs : null);
		return true;
	}

	/** Ends one connection; the seat stays. @returns what to close, or undefined when no seat has that session. */
	leave(sessionId: string): SeatChange<Peer> | undefined {
		const seat = this.bySession(sessionId);
		if (!seat || seat.connection.state === "gone") return undefined;
		return this.#let(seat, "left", null);
	}

	/** @returns what to close, or undefined when there is no such seat. */
	remove(seatId: string): SeatChange<Peer> | undefined {
		const seat = this.#seats.get(seatId);
		if (!seat) return undefined;
		this.#seats.delete(seatId);
		return this.#let(seat, "left", null);
	}

	/** Called some times per second. @returns the seats whose connection changed with that. */
	tick(nowMs: MonoMs): SeatChange<Peer>[] {
		const changes: SeatChange<Peer>[] = [];
		for (const seat of this.#seats.values()) {
			const { connection } = seat;
			switch (connection.state) {
				case "connecting":
					if (nowMs - connection.sinceMs >= CONNECT_MS_MAX) changes.push(this.#let(seat, "never_connected", null));
					break;
				case "connected":
					if (connection.byeMs !== undefined && nowMs - connection.byeMs >= BYE_SILENCE_MS) {
						changes.push(this.#let(seat, "left", nowMs));
						break;
					}
					if (nowMs - connection.lastPacketMs < SILENCE_LOST_MS) break;
					seat.connection = {
						state: "silent",
						sessionId: connection.sessionId,
						peer: connection.peer,
						sinceMs: nowMs,
					};
					changes.push({ seat });
					break;
				case "silent":
					if (nowMs - connection.sinceMs >= LOST_KEPT_MS) changes.push(this.#let(seat, "silent", null));
					break;
				case "gone":
					if (connection.freeAtMs === null || nowMs < connection.freeAtMs) break;
					this.#seats.delete(seat.seatId);
					changes.push({ seat, isFreed: true });
			}
		}
		return changes;
	}

	/** @param goodbyeMs when he left by himself: the seat is free soon after. */
	#let(seat: Seat<Peer>, reason: LostReason, goodbyeMs: MonoMs | null): SeatChange<Peer> {
		const close = peerOf(seat);
		const freeAtMs = goodbyeMs === null ? null : ((goodbyeMs + GOODBYE_KEPT_MS) as MonoMs);
		seat.connection = { state: "gone", sessionId: seat.connection.sessionId, reason, freeAtMs };
		return close === undefined ? { seat } : { seat, close };
	}
}

/** What of a seat is still open. */
export function peerOf<Peer>(seat: Seat<Peer>): Peer | undefined {
	return seat.connection.state === "gone" ? undefined : seat.connection.peer;
}
