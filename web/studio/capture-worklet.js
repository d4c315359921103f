/**
 * Hands a microphone's samples to the page in blocks of 20-25 ms. Plain script, as an audio worklet is loaded by
 * address and nothing else is imported there.
 */
const BLOCK_SAMPLES = 1024;

class Capture extends AudioWorkletProcessor {
	#block = new Float32Array(BLOCK_SAMPLES);
	#filled = 0;

	process([input]) {
		const samples = input?.[0];
		if (!samples) return true;
		for (const sample of samples) {
			this.#block[this.#filled] = sample;
			this.#filled += 1;
			if (this.#filled === BLOCK_SAMPLES) {
				this.port.postMessage(this.#block, [this.#block.buffer]);
				this.#block = new Float32Array(BLOCK_SAMPLES);
				this.#filled = 0;
			}
		}
		return true;
	}
}

registerProcessor("capture", Capture);
