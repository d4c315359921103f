import assert from "node:assert/strict";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { after, test } from "node:test";
import webrtc from "node-datachannel";
import { type Log, seededRandom, silentLog, systemClock } from "#base/index.ts";
import { createRehearsalEvents } from "./events.ts";
import { opusOf } from "./rtp.ts";
import { closeWebrtc, startSpeaker } from "./speaker.ts";

after(closeWebrtc);

/** A WHIP endpoint that echoes what it hears, and tells what it sees. The smallest thing a speaker can talk to. */
async function openEcho(on: { sequence?: (sequence: number, payload: Buffer, session: number) => void }) {
	const peers: InstanceType<typeof webrtc.PeerConnection>[] = [];
	const deleted: string[] = [];
	const offers: string[] = [];
	let onDelete = () => {};
	const server = createServer(async (request, response) => {
		if (request.method === "DELETE") {
			deleted.push(request.url ?? "");
			onDelete();
			response.writeHead(200).end();
			return;
		}
		const chunks: Buffer[] = [];
		for await (const chunk of request) chunks.push(chunk as Buffer);
		if (request.headers.authorization !== "Bearer sesame") {
			response.writeHead(401).end("a token is needed");
			return;
		}
		offers.push(Buffer.concat(chunks).toString());
		const session = peers.length;
		const peer = new webrtc.PeerConnection(`echo-${session}`, {
			iceServers: [],
			bindAddress: "127.0.0.1",
			disableAutoNegotiation: true,
		});
		peers.push(peer);
		// As the stage does: whoever wants to be heard reaches us, and so we open DTLS when he has our answer.
		peer.setRemoteDescription(
			Buffer.concat(chunks)
				.toString()
				.replaceAll(/^a=candidate:.*\r\n/gm, ""),
			"offer",
		);
		const media = new webrtc.Audio("0", "SendRecv");
		media.addOpusCodec(111);
		media.addSSRC(7, "echo", "echo", "echo");
		const track = peer.addTrack(media);
		track.onMessage((packet) => {
			const heard = opusOf(packet);
			if (!heard) return;
			on.sequence?.(heard.sequence, Buffer.from(heard.payload), session);
			track.sendMessageBinary(packet);
		});
		peer.onGatheringStateChange((state) => {
			if (state !== "complete") return;
			response.writeHead(201, { "content-type": "application/sdp", location: `/whip/demo/${session}` });
			response.end(peer.localDescription()?.sdp);
		});
		peer.setLocalDescription("answer");
	});
	await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
	return {
		url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/whip/demo`,
		peers,
		deleted,
		offers,
		nextDelete: () => new Promise<void>((resolve) => (onDelete = resolve)),
		async [Symbol.asyncDispose]() {
			for (const peer of peers) peer.close();
			server.closeAllConnections();
			await new Promise((resolve) => server.close(resolve));
		},
	};
}

const outsideWith = (log: Log) => ({
	clock: systemClock,
	random: seededRandom(1),
	events: createRehearsalEvents(log),
});
const voice = { packetMs: 20 as const, packets: [0, 1, 2, 3].map((n) => Uint8Array.of(0xf8, n)) };

test("startSpeaker says its packets in order, hears the return feed, and joins again when the peer is gone", async () => {
	const heard: { sequence: number; nth: number; session: number }[] = [];
	const enough = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
	await using echo = await openEcho({
		sequence: (sequence, payload, session) => {
			heard.push({ sequence, nth: payload[1] as number, session });
			const live = heard.filter((packet) => packet.session === session);
			if (live.length === 10) enough[new Set(heard.map((packet) => packet.session)).size - 1]?.resolve();
		},
	});
	const returned = Promise.withResolvers<void>();
	const speaker = startSpeaker(
		{
			name: "anna",
			voice,
			whip: { url: echo.url, token: "sesame" },
			bindAddress: "127.0.0.1",
			onReturn: () => returned.resolve(),
		},
		outsideWith(silentLog),
	);
	await enough[0]?.promise;
	await returned.promise;
	for (let i = 1; i < heard.length; i += 1) {
		const [before, now] = [heard[i - 1], heard[i]];
		assert.equal(now?.sequence, ((before?.sequence ?? 0) + 1) & 0xffff);
		assert.equal(now?.nth, ((before?.nth ?? 0) + 1) % 4);
	}
	assert.ok(speaker.status.returned > 0);

	const dropped = echo.nextDelete();
	for (const peer of echo.peers) peer.close();
	await dropped;
	await enough[1]?.promise;
	assert.ok(speaker.status.joins >= 2);
	await speaker[Symbol.asyncDispose]();
	assert.equal(echo.deleted.length, echo.offers.length, "every session it made is ended by it");
});

test("startSpeaker tells once what the door refused, and keeps trying", async () => {
	await using echo = await openEcho({});
	const told: unknown[] = [];
	const twice = Promise.withResolvers<void>();
	let refusals = 0;
	const speaker = startSpeaker(
		{ name: "ben", voice, whip: { url: echo.url, token: "wrong" }, bindAddress: "127.0.0.1" },
		outsideWith((_, event, fields) => {
			told.push({ event, ...fields });
		}),
	);
	const server = setInterval(() => {
		refusals = speaker.status.state === "resting" ? refusals + 1 : refusals;
		if (refusals >= 2) twice.resolve();
	}, 5);
	await twice.promise;
	clearInterval(server);
	await speaker[Symbol.asyncDispose]();
	assert.deepEqual(told, [
		{ event: "rehearsal.trouble", name: "ben", trouble: "the door answered 401: a token is needed" },
	]);
});
