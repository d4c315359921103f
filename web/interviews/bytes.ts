import type { Language } from "#wire/site.ts";

/** An amount of storage in the unit that keeps it under 1,000: `112 MB`, `3.4 GB`. Powers of ten, as disks are sold. */
export function bytes(amount: number, language: Language): string {
	const units = ["byte", "kilobyte", "megabyte", "gigabyte", "terabyte"] as const;
	let at = 0;
	let value = Math.max(0, amount);
	while (value >= 999.5 && at < units.length - 1) {
		value /= 1_000;
		at += 1;
	}
	return new Intl.NumberFormat(language, {
		style: "unit",
		unit: units[at] as string,
		unitDisplay: at === 0 ? "long" : "short",
		maximumFractionDigits: value < 10 && at > 0 ? 1 : 0,
	}).format(value);
}
