/** The components every page is made of. They know looks and accessibility, nothing of interviews. */
import type { ComponentChildren, HTMLAttributes, JSX, Ref } from "preact";
import { useEffect, useId, useLayoutEffect, useRef } from "preact/hooks";
import { commonWords } from "../words/common.ts";
import { LanguageContext, useWords } from "../words/context.tsx";
import type { Language } from "../words/words.ts";
import { Icon, type IconName } from "./icons.tsx";

type ButtonProps = Omit<JSX.IntrinsicElements["button"], "size" | "icon" | "ref"> & {
	/** `act`: the one thing to do here. `grave`: ends or removes something. `bare`: looks like a link. */
	kind?: "act" | "plain" | "grave" | "bare";
	size?: "usual" | "large";
	/** Rounded corners instead of a pill: rows of equal keys in the studio. */
	square?: boolean;
	icon?: IconName;
	ref?: Ref<HTMLButtonElement>;
};

export function Button({ kind = "plain", size, square, icon, children, class: more, ...rest }: ButtonProps) {
	return (
		<button
			type="button"
			{...rest}
			class={more ? `button ${more}` : "button"}
			data-kind={kind}
			data-size={size}
			data-square={square || undefined}
		>
			{icon && <Icon name={icon} />}
			{children}
		</button>
	);
}

/** A link that looks like a button: for what has an address (downloads, pages). */
export function LinkButton({
	href,
	download,
	kind = "plain",
	icon,
	children,
}: {
	href: string;
	download?: boolean | string;
	kind?: "act" | "plain";
	icon?: IconName;
	children: ComponentChildren;
}) {
	return (
		<a href={href} {...(download === undefined ? {} : { download })} class="button" data-kind={kind}>
			{icon && <Icon name={icon} />}
			{children}
		</a>
	);
}

/**
 * A state as a word, a colour and a shape: disc `air`, diamond `wait`, ring `ready`, square `off`.
 * Only sound that is on air now may be `air`.
 */
export function StateWord({
	tone,
	filled,
	children,
}: {
	tone: "air" | "wait" | "ready" | "off";
	filled?: boolean;
	children: ComponentChildren;
}) {
	return (
		<span class="state-word" data-tone={tone} data-filled={filled || undefined}>
			{children}
		</span>
	);
}

/**
 * A sentence that matters now, with what can be done about it. `problem` interrupts a screen reader only
 * when `urgent`.
 */
export function Notice({
	tone = "info",
	urgent,
	action,
	children,
}: {
	tone?: "info" | "wait" | "problem" | "good";
	urgent?: boolean;
	action?: ComponentChildren;
	children: ComponentChildren;
}) {
	return (
		<div class="notice" data-tone={tone} role={urgent ? "alert" : undefined}>
			<div class="notice-words">{children}</div>
			{action}
		</div>
	);
}

/** A sheet on the paper. `current` outlines it in teal, `absent` dashes its outline. */
export function Card({
	current,
	absent,
	class: more,
	children,
	...rest
}: HTMLAttributes<HTMLDivElement> & { current?: boolean; absent?: boolean }) {
	return (
		<div
			{...rest}
			class={more ? `card ${more}` : "card"}
			data-current={current || undefined}
			data-absent={absent || undefined}
		>
			{children}
		</div>
	);
}

/** What a field's control must carry so that its label, hint and error are announced with it. */
export type FieldIds = { id: string; "aria-describedby"?: string; "aria-invalid"?: "true" };

/** Label, control, hint and error as one. `children` gets the attributes to spread on the control. */
export function Field({
	label,
	hint,
	error,
	children,
}: {
	label: ComponentChildren;
	hint?: ComponentChildren;
	error?: string | undefined;
	children: (ids: FieldIds) => ComponentChildren;
}) {
	const id = useId();
	const described = [hint ? `${id}-hint` : "", error ? `${id}-error` : ""].filter(Boolean).join(" ");
	return (
		<div class="field">
			<label for={id}>{label}</label>
			{children({
				id,
				...(described ? { "aria-describedby": described } : {}),
				...(error ? { "aria-invalid": "true" as const } : {}),
			})}
			{hint && (
				<span class="field-hint" id={`${id}-hint`}>
					{hint}
				</span>
			)}
			{error && (
				<span class="field-error" id={`${id}-error`} role="alert">
					{error}
				</span>
			)}
		</div>
	);
}

/** A box to tick, with its sentence as the target. */
export function Check({
	checked,
	onChange,
	disabled = false,
	required = false,
	children,
}: {
	checked: boolean;
	onChange: (checked: boolean) => void;
	disabled?: boolean;
	required?: boolean;
	children: ComponentChildren;
}) {
	return (
		<label class="check">
			<input
				type="checkbox"
				checked={checked}
				disabled={disabled}
				required={required}
				onChange={(event) => onChange(event.currentTarget.checked)}
			/>
			<span>{children}</span>
		</label>
	);
}

/** A question in front of everything else. Escape and the way back call `onClose`; the browser keeps the focus inside. */
export function Dialog({
	open,
	title,
	actions,
	onClose,
	children,
}: {
	open: boolean;
	title: ComponentChildren;
	actions: ComponentChildren;
	onClose: () => void;
	children: ComponentChildren;
}) {
	const id = useId();
	const element = useRef<HTMLDialogElement>(null);
	useEffect(() => {
		const dialog = element.current;
		if (!dialog || dialog.open === open) return;
		if (open) dialog.showModal();
		else dialog.close();
	}, [open]);
	return (
		<dialog ref={element} class="dialog" aria-labelledby={id} onClose={onClose}>
			<div class="dialog-body">
				<h2 id={id}>{title}</h2>
				{open && children}
				<div class="dialog-actions">{actions}</div>
			</div>
		</dialog>
	);
}

/** Range a level meter shows, dBFS. */
const METER_FLOOR_DBFS = -60;

/**
 * A level with its number for those who do not see the bar.
 *
 * @param levelDbfs RMS, -100 for silence. The bar spans -60 to 0 dBFS.
 */
export function Meter({ levelDbfs, tone, label }: { levelDbfs: number; tone?: "act" | "wait"; label: string }) {
	const say = useWords(commonWords);
	const bar = useRef<HTMLSpanElement>(null);
	const share = Math.min(1, Math.max(0, 1 - levelDbfs / METER_FLOOR_DBFS));
	// Through the style object, as a style attribute would need 'unsafe-inline'.
	useLayoutEffect(() => bar.current?.style.setProperty("--level", share.toFixed(3)), [share]);
	const heard = levelDbfs > METER_FLOOR_DBFS;
	return (
		<div
			class="meter"
			role="meter"
			data-tone={tone}
			aria-label={label}
			aria-valuemin={METER_FLOOR_DBFS}
			aria-valuemax={0}
			aria-valuenow={Math.round(Math.max(METER_FLOOR_DBFS, levelDbfs))}
			aria-valuetext={heard ? say("level", { db: Math.round(levelDbfs) }) : say("level_silent")}
		>
			<span ref={bar} />
		</div>
	);
}

/** First letters of the first and last word of a name, at most two. */
export function initialsOf(name: string): string {
	const words = name.trim().split(/\s+/u).filter(Boolean);
	const first = [...(words[0] ?? "")][0] ?? "";
	const last = words.length > 1 ? ([...(words.at(-1) as string)][0] ?? "") : "";
	return (first + last).toUpperCase();
}

/** A person as initials; a teal ring while speaking. The name stands beside it, so it is silent for ears. */
export function Disc({ name, speaking, absent }: { name: string; speaking?: boolean; absent?: boolean }) {
	return (
		<span class="disc" aria-hidden="true" data-speaking={speaking || undefined} data-absent={absent || undefined}>
			{initialsOf(name)}
		</span>
	);
}

/** The frame of every public page: brand, ways out, content, foot. */
export function PageFrame({
	language,
	homeHref,
	links,
	foot,
	children,
}: {
	language: Language;
	homeHref: string;
	links: ComponentChildren;
	foot?: ComponentChildren;
	children: ComponentChildren;
}) {
	return (
		<LanguageContext.Provider value={language}>
			<FrameParts homeHref={homeHref} links={links} foot={foot}>
				{children}
			</FrameParts>
		</LanguageContext.Provider>
	);
}

function FrameParts({
	homeHref,
	links,
	foot,
	children,
}: {
	homeHref: string;
	links: ComponentChildren;
	foot: ComponentChildren;
	children: ComponentChildren;
}) {
	const say = useWords(commonWords);
	return (
		<div class="frame">
			<a class="skip" href="#content">
				{say("skip")}
			</a>
			<header class="frame-head">
				<a class="brand" href={homeHref}>
					Rostra
				</a>
				<nav>{links}</nav>
			</header>
			<main id="content" tabIndex={-1}>
				{children}
			</main>
			{foot && <footer class="frame-foot">{foot}</footer>}
		</div>
	);
}
