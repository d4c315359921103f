import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { readCommandLine, type StartSettings } from "./settings.ts";

const machine = { cores: 4, projectDir: "/opt/rostra", cwd: "/home/ada" };
const read = (args: string, env: Record<string, string> = {}) =>
	readCommandLine(args === "" ? [] : args.split(" "), env, machine);

function settingsOf(args: string, env: Record<string, string> = {}): StartSettings {
	const line = read(`start ${args}`.trim(), env);
	assert.equal(line.kind, "start", JSON.stringify(line));
	return (line as Extract<typeof line, { kind: "start" }>).settings;
}

function problemsOf(args: string, env: Record<string, string> = {}): readonly string[] {
	const line = read(args, env);
	assert.equal(line.kind, "problems", JSON.stringify(line));
	return (line as Extract<typeof line, { kind: "problems" }>).problems;
}

describe("start", () => {
	test("by default everything is on this machine, in the project's folder", () => {
		assert.deepEqual(settingsOf(""), {
			dataDir: "/opt/rostra/.data",
			objectsDir: "/opt/rostra/.data/objects",
			webDir: "/opt/rostra/dist/web",
			host: "127.0.0.1",
			publicPort: 8080,
			staffPort: 8090,
			mediaPort: 8091,
			liveInterviewsMax: 16,
			mediaAddress: null,
			iceServers: [],
			publicUrl: "http://127.0.0.1:8080",
			staffUrl: "http://127.0.0.1:8090",
			databaseUrl: null,
			staffTls: null,
			publicDoor: { tls: null, proxy: { mode: "direct", trustedNetworks: [] }, redirectPort: null },
			acme: null,
			edgeWorkers: 3,
			demo: false,
			logLevel: "info",
		});
	});

	test("a flag wins over its variable, a variable over the default", () => {
		const env = { ROSTRA_PUBLIC_PORT: "81", ROSTRA_STAFF_PORT: "82", ROSTRA_DEMO: "1" };
		const settings = settingsOf("--public-port 90 --data d", env);
		assert.deepEqual(
			[settings.publicPort, settings.staffPort, settings.demo, settings.dataDir],
			[90, 82, true, "/home/ada/d"],
		);
	});

	test("DATABASE_URL counts as --database-url", () => {
		assert.equal(settingsOf("", { DATABASE_URL: "postgres://a/b" }).databaseUrl, "postgres://a/b");
		assert.equal(settingsOf("", { DATABASE_URL: "" }).databaseUrl, null);
	});

	test("addresses are written as people type them", () => {
		const settings = settingsOf("--host ::1 --public-url https://talk.example/ --public-port 1");
		assert.equal(settings.publicUrl, "https://talk.example");
		assert.equal(settings.staffUrl, "http://[::1]:8090");
		assert.equal(settingsOf("--host localhost").host, "127.0.0.1");
	});

	test("all problems are found at once", () => {
		const problems = problemsOf(
			"start --public-port lots --staff-port 0 --host example.com --media-port 65530 --wat --demo=1 " +
				"--public-url talk.example --database-url mysql://u:secret@h/d --log-level loud --data --dev " +
				"--ice-servers stun:a.example,turn:u:secret@",
			{ ROSTRA_EDGE_WORKERS: "1.5", ROSTRA_TLS_SELF_SIGNED: "maybe" },
		);
		const expected = [
			/--tls-self-signed \(or ROSTRA_TLS_SELF_SIGNED\) as it must be 1 or 0: current value is "maybe"/,
			/no such option/,
			/--data as a value must follow: DIR/,
			/--demo as it takes no value/,
			/--host .* an IP address: current value is "example.com"/,
			/--public-port \(or ROSTRA_PUBLIC_PORT\) as it must be an integer from 1 to 65535: current value is "lots"/,
			/--staff-port/,
			/--edge-workers .* "1.5"/,
			/--log-level .* debug, info, warn, error/,
			/media port .* 65530 leaves only 6/,
			/--database-url .* postgresql:/,
			/--public-url/,
			/--ice-servers \(or ROSTRA_ICE_SERVERS\) .* number 2 is something else/,
		];
		for (const pattern of expected)
			assert.ok(
				problems.some((problem) => pattern.test(problem)),
				String(pattern),
			);
		assert.equal(problems.length, expected.length, problems.join("\n"));
		assert.ok(!problems.join().includes("secret"), "a password must not be repeated");
	});

	test("--ice-servers are what speakers are told", () => {
		assert.deepEqual(settingsOf("--ice-servers stun:a.example,turn:u:s@b.example").iceServers, [
			{ urls: ["stun:a.example"] },
			{ urls: ["turn:b.example"], username: "u", credential: "s" },
		]);
	});

	test("both doors on one port are refused, with the reason", () => {
		assert.match(problemsOf("start --public-port 80 --staff-port 80").join(), /must differ.*crowd/);
	});

	test("off loopback the staff door needs TLS, as browsers give no microphone without it", () => {
		assert.match(problemsOf("start --host 0.0.0.0").join(), /microphone/);
		assert.equal(settingsOf("--host 192.0.2.1 --tls-self-signed").staffTls, "self_signed");
		const settings = settingsOf("--host 192.0.2.1 --tls-cert c.pem --tls-key /etc/k.pem");
		assert.deepEqual(settings.staffTls, { certPath: "/home/ada/c.pem", keyPath: "/etc/k.pem" });
		assert.equal(settings.staffUrl, "https://192.0.2.1:8090");
		assert.equal(settings.publicUrl, "http://192.0.2.1:8080");
	});

	test("half a certificate, or two, is refused", () => {
		assert.match(problemsOf("start --tls-cert c.pem").join(), /--tls-key must be given too/);
		assert.match(problemsOf("start --tls-cert c --tls-key k --tls-self-signed").join(), /choose one/);
	});

	test("the listeners' door has TLS of its own, and its address follows", () => {
		const settings = settingsOf("--public-tls-cert c.pem --public-tls-key k.pem --http-redirect-port 8081");
		assert.equal(settings.publicUrl, "https://127.0.0.1:8080");
		assert.deepEqual(settings.publicDoor.tls, { certPath: "/home/ada/c.pem", keyPath: "/home/ada/k.pem" });
		assert.equal(settings.publicDoor.redirectPort, 8081);
		const usual = settingsOf(
			"--public-tls-cert c --public-tls-key k --public-port 443 --host 192.0.2.1 --tls-self-signed",
		);
		assert.equal(usual.publicUrl, "https://192.0.2.1");
		assert.match(problemsOf("start --public-tls-cert c.pem").join(), /--public-tls-key must be given too/);
		assert.match(problemsOf("start --http-redirect-port 80").join(), /has no TLS/);
		const taken = "start --public-tls-cert c --public-tls-key k --http-redirect-port 8080";
		assert.match(problemsOf(taken).join(), /a door is there/);
	});

	test("with a domain both doors have its certificate, and plain HTTP is answered on port 80", () => {
		const settings = settingsOf("--domain talk.example --host 0.0.0.0 --public-port 443 --acme-email a@talk.example");
		const paths = {
			certPath: "/opt/rostra/.data/tls/talk.example.cert.pem",
			keyPath: "/opt/rostra/.data/tls/talk.example.key.pem",
		};
		assert.deepEqual([settings.publicDoor.tls, settings.staffTls], [paths, paths]);
		assert.equal(settings.publicDoor.redirectPort, 80);
		assert.deepEqual([settings.publicUrl, settings.staffUrl], ["https://talk.example", "https://talk.example:8090"]);
		const directoryUrl = "https://acme-v02.api.letsencrypt.org/directory";
		assert.deepEqual(settings.acme, { domain: "talk.example", email: "a@talk.example", directoryUrl });
		assert.equal(settingsOf("--domain talk.example").staffTls, null, "this machine only");
		const problems = problemsOf(
			"start --domain Talk --acme-email me --acme-directory http://ca.example --public-tls-cert c",
		);
		for (const pattern of [
			/"Talk"/,
			/a mail address: current value is "me"/,
			/https:\/\/: current/,
			/choose one/,
			/--public-tls-key/,
		])
			assert.match(problems.join("\n"), pattern);
		assert.match(problemsOf("start --acme-email a@b").join(), /does not say what for/);
		for (const bad of ["localhost", "*.talk.example", "-a.example", "a..example", "1.2.3.4"])
			assert.match(problemsOf(`start --domain ${bad}`).join(), /a host name/, bad);
	});

	test("a proxy is believed in one way only, and only from where it is said to be", () => {
		const trust = (args: string) => settingsOf(args).publicDoor.proxy;
		assert.deepEqual(trust("--public-proxy proxy-v2"), { mode: "proxy_v2", trustedNetworks: ["127.0.0.0/8", "::1"] });
		assert.deepEqual(trust("--public-proxy x-forwarded-for --trusted-proxies 10.0.0.0/8,2001:db8::1"), {
			mode: "x_forwarded_for",
			trustedNetworks: ["10.0.0.0/8", "2001:db8::1"],
		});
		const problems = problemsOf("start --public-proxy both --trusted-proxies proxy.example,10.0.0.0/40");
		assert.match(problems.join(), /direct, proxy-v2, forwarded, x-forwarded-for: current value is "both"/);
		assert.match(problems.join(), /"proxy.example"/);
		assert.match(problems.join(), /"10.0.0.0\/40"/);
		assert.match(problemsOf("start --trusted-proxies 10.0.0.1").join(), /does not say how/);
	});

	test("a variable that is not known is named, not refused", () => {
		const line = read("start", { ROSTRA_PUBLICPORT: "80", ROSTRA_DATA: "d" });
		assert.ok(line.kind === "start");
		assert.deepEqual(line.warnings, ["The variable ROSTRA_PUBLICPORT is not known and has no effect: see --help"]);
	});
});

describe("other commands", () => {
	test("end, sign-in and list ask the platform of a data folder", () => {
		assert.deepEqual(read("end demo --data /d"), {
			kind: "ask",
			dataDir: "/d",
			command: { kind: "end", slug: "demo" },
		});
		assert.deepEqual(read("sign-in", { ROSTRA_DATA: "/e" }), {
			kind: "ask",
			dataDir: "/e",
			command: { kind: "sign_in_link" },
		});
		assert.deepEqual(read("check-hls http://a/b.m3u8"), { kind: "check_hls", url: "http://a/b.m3u8", seconds: 20 });
		assert.equal(read("check-hls b.m3u8").kind, "problems");
		assert.deepEqual(read("--data=/d list"), { kind: "ask", dataDir: "/d", command: { kind: "list" } });
	});

	test("a command's operands are checked", () => {
		assert.match(problemsOf("end").join(), /"end SLUG/);
		assert.match(problemsOf("start now").join(), /"start \[OPTIONS\]"/);
		assert.match(problemsOf("stop").join(), /no such command/);
	});

	test("no command, or --help anywhere, is a call for help", () => {
		for (const args of ["", "--help", "start --help", "help"]) assert.equal(read(args).kind, "help", args);
	});
});
