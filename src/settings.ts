import { isIP, isIPv6 } from "node:net";
import { hostname, networkInterfaces } from "node:os";
import { join, resolve } from "node:path";
import { type ParseArgsOptionsConfig, parseArgs } from "node:util";
// Single files: the command line need not load the rest.
import { certificatePaths } from "#acme/paths.ts";
import { isNetwork } from "#edge/forwarded.ts";
import { type ControlCommand, ICE_SERVERS_MAX, type PlatformSettings, parseIceServers } from "#wire/index.ts";

/** What the supervisor adds to make `PlatformSettings`: a bus, a database, a certificate. */
export type StartSettings = Omit<PlatformSettings, "busPath" | "databaseUrl" | "staffTls"> & {
	/** Null for the embedded PostgreSQL. */
	readonly databaseUrl: string | null;
	readonly staffTls: PlatformSettings["staffTls"] | "self_signed";
};

export type CommandLine =
	| { readonly kind: "start"; readonly settings: StartSettings; readonly warnings: readonly string[] }
	| { readonly kind: "ask"; readonly dataDir: string; readonly command: ControlCommand }
	| { readonly kind: "check_hls"; readonly url: string; readonly seconds: number }
	| { readonly kind: "help"; readonly text: string }
	| { readonly kind: "problems"; readonly problems: readonly string[] };

/** What the machine says; tests pass their own. */
export type Machine = { readonly cores: number; readonly projectDir: string; readonly cwd: string };

const INTERVIEWS_PER_CORE = 4;
const WORKERS_MAX = 64;
/** Long enough for a few segments and dozens of parts. */
const CHECK_HLS_S = 20;
const LIVE_INTERVIEWS_MAX = 256;
const PROXY_MODES = ["direct", "proxy-v2", "forwarded", "x-forwarded-for"] as const;
/** Where a proxy on this very machine connects from. */
const THIS_MACHINE = "127.0.0.0/8,::1";
const LETS_ENCRYPT = "https://acme-v02.api.letsencrypt.org/directory";
const LOG_LEVELS = ["debug", "info", "warn", "error"] as const;

type Option = { readonly value: string | null; readonly help: string };

/** Each is also read from `ROSTRA_` and its name in capitals; a flag wins. `value` is how help names it; null: a switch. */
const OPTIONS = {
	data: { value: "DIR", help: "where everything is kept (default: .data in the project's folder)" },
	host: {
		value: "IP",
		help: "address both doors and media listen on (default: 127.0.0.1; else the staff door needs TLS)",
	},
	"public-port": { value: "PORT", help: "listeners' door (default: 8080)" },
	"staff-port": { value: "PORT", help: "host's, guests' and operators' door (default: 8090)" },
	"media-port": { value: "PORT", help: "first UDP port for speakers' sound, one per live interview (default: 8091)" },
	"media-address": { value: "IP", help: "what speakers are told instead of --host: behind 1:1 NAT, in containers" },
	"ice-servers": {
		value: "LIST",
		help: "STUN and TURN servers for speakers whose network lets no UDP out: stun:HOST turn:USER:SECRET@HOST (default: none)",
	},
	"public-url": { value: "URL", help: "the listeners' door as people type it" },
	"staff-url": { value: "URL", help: "the staff door as people type it" },
	"database-url": { value: "URL", help: "any PostgreSQL from 15 on (also DATABASE_URL; default: the embedded one)" },
	"tls-cert": { value: "FILE", help: "certificate chain of the staff door, PEM" },
	"tls-key": { value: "FILE", help: "its key, PEM" },
	"tls-self-signed": {
		value: null,
		help: "make a certificate for the staff door: to try it in a LAN; browsers will ask",
	},
	"public-tls-cert": {
		value: "FILE",
		help: "certificate chain of the listeners' door, PEM; read again when it changes",
	},
	"public-tls-key": { value: "FILE", help: "its key, PEM" },
	domain: {
		value: "NAME",
		help: "get a certificate for this name and renew it, for both doors; accepts the authority's terms (Let's Encrypt)",
	},
	"acme-email": { value: "ADDRESS", help: "where the authority may warn you" },
	"acme-directory": { value: "URL", help: "another authority that speaks ACME" },
	"http-redirect-port": {
		value: "PORT",
		help: "plain HTTP that sends everybody to --public-url (with TLS; default with --domain: 80)",
	},
	"public-proxy": {
		value: "HOW",
		help: "how a proxy before the listeners' door says who is there: proxy-v2, forwarded or x-forwarded-for (default: direct, none does)",
	},
	"trusted-proxies": { value: "NETS", help: `who may say it: addresses, prefixes (default: ${THIS_MACHINE})` },
	"live-interviews-max": { value: "N", help: "interviews open at once (default: 4 per core)" },
	"edge-workers": { value: "N", help: "processes at the listeners' door (default: cores - 1, at least 2)" },
	"log-level": { value: "LEVEL", help: "debug, info, warn or error (default: info)" },
	demo: { value: null, help: "open an interview in which two synthetic speakers talk" },
	dev: { value: null, help: "log everything" },
	help: { value: null, help: "this text" },
} satisfies Record<string, Option>;
type OptionName = keyof typeof OPTIONS;

const HELP = `rostra: live audio interviews

  npm start -- [OPTIONS]                       start everything
  npm run -s rostra -- sign-in [--data DIR]    print a new one-time sign-in link
  npm run -s rostra -- list [--data DIR]       list the interviews
  npm run -s rostra -- end SLUG [--data DIR]   end an interview, as its host would
  npm run -s rostra -- check-hls URL [SECONDS] hold a playlist, and what it names, against the draft (default: 20 s)

${Object.entries(OPTIONS)
	.map(([name, { value, help }]) => `  --${(value ? `${name} ${value}` : name).padEnd(26)}${help}`)
	.join("\n")}

Each option can also be given as a variable: ROSTRA_PUBLIC_PORT=80.
`;

/**
 * Reads the command line and `ROSTRA_*` variables; a flag wins over its variable.
 *
 * All problems are found, not only the first. Files are not looked at: the supervisor does that.
 */
export function readCommandLine(
	args: readonly string[],
	env: Readonly<Record<string, string | undefined>>,
	machine: Machine,
): CommandLine {
	const problems: string[] = [];
	const { values, positionals } = readArguments(args, env, problems);
	const [command, ...operands] = positionals;
	if (values.help !== undefined || command === undefined || command === "help") return { kind: "help", text: HELP };
	const dataDir = resolve(machine.cwd, values.data ?? join(machine.projectDir, ".data"));
	const expect = (count: number, usage: string) => {
		if (operands.length !== count) problems.push(`Cannot read the command as it must be "${usage}"`);
	};
	const result = ((): CommandLine | undefined => {
		switch (command) {
			case "start":
				expect(0, "start [OPTIONS]");
				return { kind: "start", ...readStart(values, dataDir, env, machine, problems) };
			case "end":
				expect(1, "end SLUG [--data DIR]");
				return { kind: "ask", dataDir, command: { kind: "end", slug: operands[0] ?? "" } };
			case "sign-in":
				expect(0, "sign-in [--data DIR]");
				return { kind: "ask", dataDir, command: { kind: "sign_in_link" } };
			case "list":
				expect(0, "list [--data DIR]");
				return { kind: "ask", dataDir, command: { kind: "list" } };
			case "check-hls": {
				const [url = "", seconds = String(CHECK_HLS_S)] = operands;
				const isUrl = /^https?:$/.test(URL.parse(url)?.protocol ?? "");
				if (operands.length > 2 || !isUrl || !/^[1-9]\d{0,5}$/.test(seconds)) {
					problems.push('Cannot read the command as it must be "check-hls URL [SECONDS]", with http:// or https://');
				}
				return { kind: "check_hls", url, seconds: Number(seconds) };
			}
			default:
				problems.push(`Cannot run "${command}" as there is no such command: see --help`);
				return undefined;
		}
	})();
	return result && problems.length === 0 ? result : { kind: "problems", problems };
}

type Values = { [name in OptionName]?: string };

/** Switches have the value "true" or are absent. */
function readArguments(args: readonly string[], env: Readonly<Record<string, string | undefined>>, problems: string[]) {
	const options: ParseArgsOptionsConfig = {};
	for (const [name, option] of Object.entries(OPTIONS)) options[name] = { type: option.value ? "string" : "boolean" };
	const { tokens } = parseArgs({ args: [...args], options, strict: false, allowPositionals: true, tokens: true });
	const values: Values = {};
	for (const [name, option] of Object.entries(OPTIONS) as [OptionName, Option][]) {
		const variable = variableOf(name);
		const text = env[variable];
		if (text === undefined || text === "") continue;
		if (option.value) values[name] = text;
		else if (/^(1|true|yes)$/i.test(text)) values[name] = "true";
		else if (!/^(0|false|no)$/i.test(text)) problems.push(mustBe(name, "1 or 0", text));
	}
	const positionals: string[] = [];
	for (const token of tokens) {
		if (token.kind === "positional") positionals.push(token.value);
		if (token.kind !== "option") continue;
		if (!Object.hasOwn(OPTIONS, token.name)) {
			problems.push(`Cannot read ${token.rawName} as there is no such option: see --help`);
			continue;
		}
		const name = token.name as OptionName;
		const takesValue = OPTIONS[name].value !== null;
		if (takesValue && (token.value === undefined || (!token.inlineValue && token.value.startsWith("--")))) {
			problems.push(`Cannot read ${token.rawName} as a value must follow: ${OPTIONS[name].value}`);
		} else if (!takesValue && token.value !== undefined) {
			problems.push(`Cannot read ${token.rawName} as it takes no value: "${token.value}" was given`);
		} else values[name] = token.value ?? "true";
	}
	return { values, positionals };
}

function readStart(
	values: Values,
	dataDir: string,
	env: Readonly<Record<string, string | undefined>>,
	machine: Machine,
	problems: string[],
): { settings: StartSettings; warnings: string[] } {
	const integer = (name: OptionName, min: number, max: number, byDefault: number) => {
		const text = values[name];
		if (text === undefined) return byDefault;
		const value = /^\d{1,9}$/.test(text) ? Number(text) : Number.NaN;
		if (value >= min && value <= max) return value;
		problems.push(mustBe(name, `an integer from ${min} to ${max}`, text));
		return byDefault;
	};
	const ip = (name: OptionName) => {
		const text = values[name] === "localhost" ? "127.0.0.1" : values[name];
		if (text === undefined || isIP(text)) return text;
		problems.push(mustBe(name, "an IP address", text));
		return undefined;
	};
	const url = (name: OptionName) => {
		const text = values[name];
		if (text === undefined) return undefined;
		const parsed = URL.parse(text);
		if (parsed && /^https?:$/.test(parsed.protocol) && parsed.href === `${parsed.origin}/`) return parsed.origin;
		problems.push(mustBe(name, "http:// or https://, a name and at most a port, without a path", text));
		return undefined;
	};

	const host = ip("host") ?? "127.0.0.1";
	const publicPort = integer("public-port", 1, 65_535, 8_080);
	const staffPort = integer("staff-port", 1, 65_535, 8_090);
	const mediaPort = integer("media-port", 1, 65_535, 8_091);
	const liveInterviewsMax = integer("live-interviews-max", 1, LIVE_INTERVIEWS_MAX, machine.cores * INTERVIEWS_PER_CORE);
	const edgeWorkers = integer("edge-workers", 1, WORKERS_MAX, Math.max(2, machine.cores - 1));
	const logLevel = values["log-level"] ?? (values.dev ? "debug" : "info");
	if (!isLogLevel(logLevel)) problems.push(mustBe("log-level", LOG_LEVELS.join(", "), logLevel));
	if (publicPort === staffPort) {
		problems.push(
			`Cannot open both doors as --public-port and --staff-port must differ: both are ${publicPort}. ` +
				"Listeners and speakers share no port, so that a crowd at one door leaves the other open",
		);
	}
	if (mediaPort + liveInterviewsMax - 1 > 65_535) {
		problems.push(
			`Cannot give each of ${liveInterviewsMax} live interviews its media port as they go up from --media-port: ` +
				`${mediaPort} leaves only ${65_536 - mediaPort}`,
		);
	}
	const databaseUrl = values["database-url"] ?? (env["DATABASE_URL"] || undefined);
	if (databaseUrl !== undefined && !/^postgres(ql)?:$/.test(URL.parse(databaseUrl)?.protocol ?? "")) {
		// It may hold a password: it is not repeated.
		problems.push("Cannot read --database-url (or DATABASE_URL) as it must begin with postgresql://");
	}
	const acme = readAcme(values, problems);
	const publicDoor = readPublicDoor(values, machine, integer, problems);
	if (acme) publicDoor.tls = certificatePaths(dataDir, acme.domain);
	const staffTls = readStaffTls(values, host, acme ? publicDoor.tls : null, machine, problems);
	const { redirectPort } = publicDoor;
	if (redirectPort !== null && (redirectPort === publicPort || redirectPort === staffPort)) {
		problems.push(
			`Cannot listen for plain HTTP on --http-redirect-port ${redirectPort} as a door is there: choose another`,
		);
	}
	const mediaAddress = ip("media-address") ?? null;
	const iceServers = parseIceServers(values["ice-servers"] ?? "");
	if ("wrong" in iceServers) {
		// It may hold a secret: it is not repeated.
		problems.push(
			`Cannot read --ice-servers (or ROSTRA_ICE_SERVERS) as it must be up to ${ICE_SERVERS_MAX} of stun:HOST[:PORT] and ` +
				`turn[s]:USER:SECRET@HOST[:PORT][?transport=udp|tcp], with %3A, %40 and %2C for what USER and SECRET have of ":", "@" ` +
				`and ",": number ${iceServers.wrong} is something else`,
		);
	}
	const reachable = isWildcard(host) ? (mediaAddress ?? firstOutsideAddress()) : host;
	const written = acme?.domain ?? (isIPv6(reachable) ? `[${reachable}]` : reachable);
	const settings: StartSettings = {
		dataDir,
		objectsDir: join(dataDir, "objects"),
		webDir: join(machine.projectDir, "dist", "web"),
		host,
		publicPort,
		staffPort,
		mediaPort,
		liveInterviewsMax,
		mediaAddress,
		iceServers: "wrong" in iceServers ? [] : [...iceServers],
		publicUrl: url("public-url") ?? urlOf(publicDoor.tls !== null, written, publicPort),
		staffUrl: url("staff-url") ?? urlOf(staffTls !== null, written, staffPort),
		databaseUrl: databaseUrl ?? null,
		staffTls,
		publicDoor,
		acme,
		edgeWorkers,
		demo: values.demo !== undefined,
		logLevel: isLogLevel(logLevel) ? logLevel : "info",
	};
	const known = new Set((Object.keys(OPTIONS) as OptionName[]).map(variableOf));
	const warnings = Object.keys(env)
		.filter((name) => name.startsWith("ROSTRA_") && !known.has(name))
		.map((name) => `The variable ${name} is not known and has no effect: see --help`);
	return { settings, warnings };
}

function readAcme(values: Values, problems: string[]): StartSettings["acme"] {
	const { domain, "acme-email": email, "acme-directory": directoryUrl = LETS_ENCRYPT } = values;
	if (domain === undefined) {
		if ((email ?? values["acme-directory"]) !== undefined) {
			problems.push("Cannot ask an authority (--acme-email, --acme-directory) as --domain does not say what for");
		}
		return null;
	}
	if (!/^(?=.{4,253}$)(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z][a-z0-9-]*[a-z0-9]$/.test(domain)) {
		problems.push(
			mustBe("domain", "a host name in small letters, such as talk.example (as xn--… if it has others)", domain),
		);
	}
	if (email !== undefined && !/^[^\s@]+@[^\s@]+$/.test(email))
		problems.push(mustBe("acme-email", "a mail address", email));
	const directory = URL.parse(directoryUrl);
	if (directory?.protocol !== "https:" && !(directory?.protocol === "http:" && isLoopback(directory.hostname))) {
		problems.push(mustBe("acme-directory", "an address with https://", directoryUrl));
	}
	return { domain, email: email ?? null, directoryUrl };
}

function readPublicDoor(
	values: Values,
	machine: Machine,
	integer: (name: OptionName, min: number, max: number, byDefault: number) => number,
	problems: string[],
): StartSettings["publicDoor"] {
	const cert = values["public-tls-cert"];
	const key = values["public-tls-key"];
	if ((cert === undefined) !== (key === undefined)) {
		const missing = cert ? "public-tls-key" : "public-tls-cert";
		problems.push(`Cannot open the listeners' door with TLS as --${missing} must be given too`);
	}
	const tls =
		cert !== undefined && key !== undefined
			? { certPath: resolve(machine.cwd, cert), keyPath: resolve(machine.cwd, key) }
			: null;
	const hasDomain = values.domain !== undefined;
	if (hasDomain && (cert ?? key) !== undefined) {
		problems.push("Cannot use --domain and the listeners' door's certificate files together: choose one");
	}
	const hasRedirect = hasDomain || values["http-redirect-port"] !== undefined;
	const redirectPort = hasRedirect ? integer("http-redirect-port", 1, 65_535, 80) : null;
	if (hasRedirect && !hasDomain && (cert ?? key) === undefined) {
		problems.push(
			"Cannot send plain HTTP elsewhere (--http-redirect-port) as the listeners' door has no TLS: give --domain, or --public-tls-cert and --public-tls-key",
		);
	}

	const written = values["public-proxy"] ?? "direct";
	const mode = PROXY_MODES.find((known) => known === written);
	if (!mode) problems.push(mustBe("public-proxy", PROXY_MODES.join(", "), written));
	const trusted = values["trusted-proxies"];
	if (trusted !== undefined && mode === "direct") {
		problems.push("Cannot trust --trusted-proxies as --public-proxy does not say how they tell who is there");
	}
	const networks = (trusted ?? THIS_MACHINE).split(",").map((network) => network.trim());
	for (const network of networks.filter((each) => !isNetwork(each)))
		problems.push(mustBe("trusted-proxies", "addresses or prefixes with commas between them", network));
	const proxy = {
		mode: (mode ?? "direct").replaceAll("-", "_") as StartSettings["publicDoor"]["proxy"]["mode"],
		trustedNetworks: mode === "direct" ? [] : networks,
	};
	return { tls, proxy, redirectPort };
}

/** @param host as it is written in an address. */
function urlOf(isTls: boolean, host: string, port: number): string {
	return new URL(`${isTls ? "https" : "http"}://${host}:${port}`).origin;
}

/** @param domains the domain's certificate, which the staff door has too where it needs one and was given none. */
function readStaffTls(
	values: Values,
	host: string,
	domains: { readonly certPath: string; readonly keyPath: string } | null,
	machine: Machine,
	problems: string[],
): StartSettings["staffTls"] {
	const cert = values["tls-cert"];
	const key = values["tls-key"];
	const isSelfSigned = values["tls-self-signed"] !== undefined;
	if (isSelfSigned && (cert ?? key) !== undefined) {
		problems.push("Cannot use --tls-self-signed and certificate files together: choose one");
	}
	if ((cert === undefined) !== (key === undefined)) {
		problems.push(`Cannot open the staff door with TLS as --${cert ? "tls-key" : "tls-cert"} must be given too`);
	}
	if (cert !== undefined && key !== undefined) {
		return { certPath: resolve(machine.cwd, cert), keyPath: resolve(machine.cwd, key) };
	}
	if (isSelfSigned) return "self_signed";
	if (!isLoopback(host) && cert === undefined && key === undefined) {
		if (domains) return domains;
		problems.push(
			`Cannot open the staff door on ${host} without TLS as browsers give a microphone only to pages that came over ` +
				"HTTPS or from this very machine: give --domain, or --tls-cert and --tls-key, or --tls-self-signed to try it in a LAN, " +
				"or stay on 127.0.0.1 behind a proxy with TLS",
		);
	}
	return null;
}

export function isLoopback(host: string): boolean {
	return /^127\./.test(host) || host === "::1";
}

export function isWildcard(host: string): boolean {
	return host === "0.0.0.0" || host === "::";
}

function firstOutsideAddress(): string {
	const all = Object.values(networkInterfaces()).flatMap((each) => each ?? []);
	const outside = all.filter((each) => !each.internal);
	return (outside.find((each) => each.family === "IPv4") ?? outside[0])?.address ?? hostname();
}

function isLogLevel(text: string): text is (typeof LOG_LEVELS)[number] {
	return (LOG_LEVELS as readonly string[]).includes(text);
}

function variableOf(name: string): string {
	return `ROSTRA_${name.toUpperCase().replaceAll("-", "_")}`;
}

function mustBe(name: string, wanted: string, found: string): string {
	return `Cannot read --${name} (or ${variableOf(name)}) as it must be ${wanted}: current value is ${JSON.stringify(found)}`;
}
