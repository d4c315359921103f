/** The reader's language, for components. Each page sets it once at its root. */
import { createContext } from "preact";
import { useContext } from "preact/hooks";
import { type Catalogue, type Language, type Say, sayIn } from "./words.ts";

export const LanguageContext = createContext<Language>("en");

export function useLanguage(): Language {
	return useContext(LanguageContext);
}

/** `const say = useWords(listenWords); say("on_air")`. */
export function useWords<C extends Catalogue>(entries: C): Say<C> {
	return sayIn(entries, useLanguage());
}
