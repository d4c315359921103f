import { accessSync, constants } from "node:fs";
import { delimiter, join } from "node:path";

/** Debian package of each program the suites use, so that whoever misses one is told what to install. */
const PACKAGES: Readonly<Record<string, string>> = {
	ffmpeg: "ffmpeg",
	ffprobe: "ffmpeg",
	mpv: "mpv",
	cvlc: "vlc",
	chromium: "chromium",
	"firefox-esr": "firefox-esr",
	WebKitWebDriver: "webkit2gtk-driver",
	Xvfb: "xvfb",
	pulseaudio: "pulseaudio",
	pactl: "pulseaudio-utils",
	parec: "pulseaudio-utils",
	setpriv: "util-linux",
	nginx: "nginx",
	varnishd: "varnish",
	haproxy: "haproxy",
	nft: "nftables",
	ip: "iproute2",
};

/** Where a program is, or undefined when PATH has none of that name. */
export function findTool(name: string): string | undefined {
	for (const folder of (process.env["PATH"] ?? "").split(delimiter)) {
		try {
			const path = join(folder, name);
			accessSync(path, constants.X_OK);
			return path;
		} catch {}
	}
	return undefined;
}

/**
 * The `skip` option of a test that needs programs: false when all are there, else the reason, which the runner prints.
 *
 * @throws when one is missing and ROSTRA_TOOLS=required, as .ci/run sets it: there a skipped test would be a lie.
 */
export function skipWithout(...names: readonly string[]): string | false {
	const missing = names.filter((name) => findTool(name) === undefined);
	if (missing.length === 0) return false;
	const packages = [...new Set(missing.map((name) => PACKAGES[name] ?? name))].join(" ");
	const reason = `needs ${missing.join(", ")}: apt-get install ${packages}`;
	if (process.env["ROSTRA_TOOLS"] === "required") throw new Error(`Cannot run this test as it ${reason}`);
	return reason;
}
