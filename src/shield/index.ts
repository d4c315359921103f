/**
 * The shield: who gets in when not everybody can. Says of an address, a token or a place in the line whether it may
 * pass now, and how far the platform has to step back so that those inside hear on.
 *
 * Pure cores: no socket, no timer, no clock of their own. It does not know what is asked for, what anything sounds
 * like or who anybody is; an address is a number here, and nothing about it is kept but how much it has asked.
 */
export { type ClientAddress, parseAddress } from "./address.ts";
export { ConnectionBudget, type ConnectionState, PATIENCE_MS, type Patience } from "./connections.ts";
export { createShieldEvents } from "./events.ts";
export { Gate, type Minted, type Passage } from "./gate.ts";
export { Ladder, type LadderStep, type Strain, strainOf } from "./ladder.ts";
export { PrefixLimits, type Rate, TokenLimits } from "./limits.ts";
export { isAdmitted, meanWaitMs, type Place, placeOf, WaitingLine } from "./line.ts";
export { Neighbours } from "./neighbours.ts";
export { isShed, type Standing } from "./shedding.ts";
export { Steward, savedSteward, type WorkerReport } from "./steward.ts";
export {
	RevokedTokens,
	type Token,
	type TokenClass,
	TokenMint,
	type TokenRefusal,
	type TokenVerdict,
} from "./tokens.ts";
