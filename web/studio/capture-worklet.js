/**
 * Hands a microphone's samples to the page in blocks of 20-25 ms, each with the frame of the context's own time at
 * which it begins: when the page gets to it says nothing. Plain script, as an audio worklet is loaded by
 * address and nothing else is imported there.
 */
const BLOCK_SAMPLES = 1024;

class Capture extends AudioWorkletProcessor {
	#block = new Float32Array(BLOCK_SAMPLES);
	#filled = 0;

	process([input]) {
		const samples = input?.[0];
		if (!samples) return true;
		for (let i = 0; i < samples.length; i += 1) {
			this.#block[this.#filled] = samples[i];
			this.#filled += 1;
			if (this.#filled === BLOCK_SAMPLES) {
				const frame = currentFrame + i + 1 - BLOCK_SAMPLES;
				this.port.postMessage({ block: this.#block, frame }, [this.#block.buffer]);
				this.#block = new Float32Array(BLOCK_SAMPLES);
				this.#filled = 0;
			}
		}
		return true;
	}
}

registerProcessor("capture", Capture);
