/** A dozen inline pictures, 20 × 20, drawn with `currentColor`. Always beside a word or an accessible name. */
const PATHS = {
	play: "M5 3.2v13.6L16.5 10z",
	pause: "M4.5 3h4v14h-4zM11.5 3h4v14h-4z",
	back: "M9 4 2 10l7 6zm8 0-7 6 7 6z",
	live: "M3 4l7 6-7 6zm9 0h3v12h-3z",
	download: "M9 2h2v8l3-3 1.4 1.4L10 13.8 4.6 8.4 6 7l3 3zM3 15h14v2.5H3z",
	copy: "M6 2h10v12H6zM8 4v8h6V4zM3 6h1.8v10.2H13V18H3z",
	check: "M7.6 15.6 2.4 10.4l1.8-1.8 3.4 3.4 8.2-8.2 1.8 1.8z",
	more: "M3 8.5h3v3H3zm5.5 0h3v3h-3zm5.5 0h3v3h-3z",
	microphone:
		"M10 2a3 3 0 0 0-3 3v5a3 3 0 0 0 6 0V5a3 3 0 0 0-3-3M4.5 9v1a5.5 5.5 0 0 0 4.6 5.4V18h1.8v-2.6A5.5 5.5 0 0 0 15.5 10V9h-1.8v1a3.7 3.7 0 0 1-7.4 0V9z",
	muted:
		"M10 2a3 3 0 0 0-3 3v.6l6 6V5a3 3 0 0 0-3-3M3.3 2.3 2 3.6l5 5V10a3 3 0 0 0 4.3 2.7l1.3 1.3a5.5 5.5 0 0 1-6.3-4V9H4.5v1a5.5 5.5 0 0 0 4.6 5.4V18h1.8v-2.6c1-.2 2-.6 2.8-1.2l2.7 2.7 1.3-1.3zM15.5 9h-1.8v1l-.1.7 1.4 1.4c.3-.6.5-1.3.5-2.1z",
	link: "M8 6H6a4 4 0 0 0 0 8h2v-2H6a2 2 0 0 1 0-4h2zm4 0v2h2a2 2 0 0 1 0 4h-2v2h2a4 4 0 0 0 0-8zM7 9h6v2H7z",
	people:
		"M7 9a3 3 0 1 0 0-6 3 3 0 0 0 0 6m6.500 0a2.500 2.500 0 1 0 0-5 2.500 2.500 0 0 0 0 5M1.500 16a5.500 5.500 0 0 1 11 0zM14 16h4.500a4.500 4.500 0 0 0-5-4.900A7 7 0 0 1 14 16",
} as const;

export type IconName = keyof typeof PATHS;

export function Icon({ name }: { name: IconName }) {
	return (
		<svg class="icon" viewBox="0 0 20 20" aria-hidden="true">
			<path d={PATHS[name]} />
		</svg>
	);
}
