import type { Clock, MonoMs } from "#base/index.ts";
import type { Bus } from "./bus.ts";
import { LineClient, type Message, Switchboard } from "./switchboard.ts";

/** A bus within one process: composition roots of several roles can share it, as tests do. Delivery is asynchronous and ordered. */
export class LocalHub {
	readonly #switchboard = new Switchboard();
	readonly #clock: Clock;

	constructor(clock: Clock) {
		this.#clock = clock;
	}

	connect(): Bus {
		let open = true;
		const switchboard = this.#switchboard;
		const client = new LineClient((message) => {
			if (open) queueMicrotask(() => switchboard.accept(line, message));
			return open;
		}, timerOf(this.#clock));
		const line = { send: (message: Message) => queueMicrotask(() => open && client.take(message)) };
		return {
			publish: (subject, payload) => client.publish(subject, payload),
			subscribe: (subject, on) => client.subscribe(subject, on),
			request: (subject, payload, options) => client.request(subject, payload, options),
			respond: (subject, answer) => client.respond(subject, answer),
			onConnect: (on) => {
				queueMicrotask(on);
				return { [Symbol.dispose]: () => {} };
			},
			get droppedCount() {
				return client.droppedCount;
			},
			async [Symbol.asyncDispose]() {
				open = false;
				client.disconnected();
				switchboard.remove(line);
			},
		};
	}
}

export function timerOf(clock: Clock) {
	return (ms: number, then: () => void) => clock.wakeAt((clock.monoMs() + ms) as MonoMs, then);
}
