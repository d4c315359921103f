/**
 * One catalogue, two languages. A catalogue is a const object whose every entry holds the phrase in each
 * language; placeholders are written `{name}`, and a phrase that depends on a number is an object of plural forms
 * chosen by `{count}` (`Intl.PluralRules`). What a phrase needs is checked where it is said.
 */
import type { Language } from "#wire/site.ts";

export type { Language } from "#wire/site.ts";

/** A phrase of one language. In plural forms, `other` must exist and the number is called `count`. */
export type Phrase = string | { readonly one: string; readonly other: string };
export type Entry = { readonly [L in Language]: Phrase };
export type Catalogue = { readonly [key: string]: Entry };

type NamesIn<T extends string> = T extends `${string}{${infer Name}}${infer Rest}` ? Name | NamesIn<Rest> : never;
type NamesOf<P> = P extends string
	? NamesIn<P>
	: P extends { readonly one: infer A extends string; readonly other: infer B extends string }
		? NamesIn<A> | NamesIn<B> | "count"
		: never;
type Values<E extends Entry> = {
	readonly [N in NamesOf<E["en"]> | NamesOf<E["de"]>]: N extends "count" ? number : string | number;
};

/** Says phrases of one catalogue in one language. Numbers are written as the reader writes them. */
export type Say<C extends Catalogue> = <K extends keyof C & string>(
	key: K,
	...values: Record<never, never> extends Values<C[K]> ? [] : [Values<C[K]>]
) => string;

/** Declares a catalogue. Only checks the types: one file per area, `web/words/<area>.ts`. */
export function catalogue<const C extends Catalogue>(entries: C): C {
	return entries;
}

const said = new WeakMap<Catalogue, Map<Language, Say<Catalogue>>>();

/** The same function for the same catalogue and language: formatters are dear to make. */
export function sayIn<C extends Catalogue>(entries: C, language: Language): Say<C> {
	let languages = said.get(entries);
	if (!languages) {
		languages = new Map();
		said.set(entries, languages);
	}
	let say = languages.get(language);
	if (!say) {
		say = makeSay(entries, language);
		languages.set(language, say);
	}
	return say as Say<C>;
}

function makeSay(entries: Catalogue, language: Language): Say<Catalogue> {
	const numbers = new Intl.NumberFormat(language);
	const plurals = new Intl.PluralRules(language);
	return (key: string, ...values: readonly unknown[]) => {
		const phrase = (entries[key] as Entry)[language];
		const given = (values[0] ?? {}) as Record<string, string | number>;
		const text =
			typeof phrase === "string"
				? phrase
				: phrase[plurals.select(given["count"] as number) === "one" ? "one" : "other"];
		return text.replace(/\{(\w+)\}/g, (_, name: string) => {
			const value = given[name] ?? "";
			return typeof value === "number" ? numbers.format(value) : value;
		});
	};
}
