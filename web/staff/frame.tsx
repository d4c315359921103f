import type { ComponentChildren } from "preact";
import { render } from "preact";
import { useState } from "preact/hooks";
import type { Language } from "#wire/site.ts";
import { Button } from "../look/parts.tsx";
import { commonWords } from "../words/common.ts";
import { LanguageContext, useLanguage, useWords } from "../words/context.tsx";
import { staffWords } from "../words/staff.ts";
import { ask } from "./api.ts";
import { chooseLanguage, rememberLanguage } from "./language.ts";

/** Puts a page into the document. `children` gets the switch to the other language, to place where it fits. */
export function showPage(page: (switchLanguage: () => void) => ComponentChildren): void {
	const root = document.getElementById("page");
	if (root) render(<WithLanguage>{page}</WithLanguage>, root);
}

function WithLanguage({ children }: { children: (switchLanguage: () => void) => ComponentChildren }) {
	const [language, setLanguage] = useState<Language>(chooseLanguage);
	const switchLanguage = () => {
		const other = language === "en" ? "de" : "en";
		rememberLanguage(other);
		setLanguage(other);
	};
	return <LanguageContext.Provider value={language}>{children(switchLanguage)}</LanguageContext.Provider>;
}

/** The frame of the staff pages. `signedIn` adds the ways to the other pages and out. */
export function StaffFrame({
	signedIn,
	current,
	wide,
	switchLanguage,
	children,
}: {
	signedIn?: boolean;
	current?: "interviews" | "operations";
	wide?: boolean;
	switchLanguage: () => void;
	children: ComponentChildren;
}) {
	const say = useWords(staffWords);
	const sayCommon = useWords(commonWords);
	const signOut = async () => {
		await ask("POST", "/sign-out");
		window.location.assign("/sign-in");
	};
	const link = (name: "interviews" | "operations") => (
		<a href={name === "interviews" ? "/" : "/operations"} aria-current={current === name ? "page" : undefined}>
			{say(name)}
		</a>
	);
	return (
		<div class="frame staff" data-wide={wide || undefined}>
			<a class="skip" href="#content">
				{sayCommon("skip")}
			</a>
			<header class="frame-head">
				<a class="brand" href="/">
					Rostra
				</a>
				<nav>
					{signedIn && link("interviews")}
					{signedIn && link("operations")}
					<LanguageSwitch onSwitch={switchLanguage} />
					{signedIn && (
						<Button kind="bare" class="in-nav" onClick={() => void signOut()}>
							{say("sign_out")}
						</Button>
					)}
				</nav>
			</header>
			<main id="content" tabIndex={-1}>
				{children}
			</main>
		</div>
	);
}

export function LanguageSwitch({ onSwitch }: { onSwitch: () => void }) {
	const sayCommon = useWords(commonWords);
	return (
		<Button kind="bare" class="in-nav" lang={useLanguage() === "en" ? "de" : "en"} onClick={onSwitch}>
			{sayCommon("other_language")}
		</Button>
	);
}
