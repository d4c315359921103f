/** Who may come in: one-time sign-in links, the sessions of browsers, bearer tokens of seats. Knows nothing of what is done with a seat. */
export { Attempts } from "./attempts.ts";
export { OWNER, People, type PeopleOptions, SESSION_MS, type Session, SIGN_IN_LINK_MS, type SignIn } from "./people.ts";
export { hashSecret, keepKey, newSecret, type SeatClaim, SeatTokens } from "./tokens.ts";
