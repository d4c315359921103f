/** What somebody asks for, in the order in which it is given up: the last first. Sound of those inside is never shed. */
const ORDER = ["sound", "words", "returning", "newcomer", "members"] as const;
export type Standing = (typeof ORDER)[number];

/**
 * Whether a request has to wait so that more important ones are served.
 *
 * Priorities run from 1 to 100; what lies above 100 · (1 − strain³) is shed (Netflix's prioritized shedding: at 80 % of
 * the way half of it, at 95 % all but a seventh). Within a standing the same people stay in, by a hash of their token:
 * served well or told to wait, rather than everybody served badly.
 *
 * @param strain 0 to 1, from `strainOf`.
 * @param who any number that stays with the asker, such as the last 32 bits of a token's id.
 */
export function isShed(standing: Standing, who: number, strain: number): boolean {
	if (standing === "sound") return false;
	const bands = ORDER.length - 1;
	const band = ORDER.indexOf(standing) - 1;
	// Multiplying by the golden ratio spreads neighbouring numbers over the band.
	const within = (Math.imul(who, 0x9e3779b1) >>> 0) / 2 ** 32;
	const priority = (100 * (band + within)) / bands;
	return priority > 100 * (1 - strain ** 3);
}
