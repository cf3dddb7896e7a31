// The part of the microphone that runs on the audio thread: hands on what was recorded, in blocks. Rule: a file of its
// own, without imports; the page's policy allows no script that is not a file, and a worklet cannot share the page's.

/** What the audio thread offers; TypeScript's DOM library describes the page only. */
declare abstract class AudioWorkletProcessor {
  readonly port: MessagePort;
  abstract process(inputs: readonly (readonly Float32Array[])[]): boolean;
}
declare function registerProcessor(name: string, processor: new () => AudioWorkletProcessor): void;
declare const sampleRate: number;

/** Length of a block, in seconds: short enough for a level meter, long enough to be cheap. */
const BLOCK = 0.02;

class Capture extends AudioWorkletProcessor {
  private block = new Float32Array(Math.round(sampleRate * BLOCK));
  private filled = 0;

  process(inputs: readonly (readonly Float32Array[])[]): boolean {
    const channel = inputs[0]?.[0];
    if (!channel) return true;
    let from = 0;
    while (from < channel.length) {
      const part = channel.subarray(from, from + this.block.length - this.filled);
      this.block.set(part, this.filled);
      this.filled += part.length;
      from += part.length;
      if (this.filled === this.block.length) {
        this.port.postMessage(this.block, [this.block.buffer]);
        this.block = new Float32Array(Math.round(sampleRate * BLOCK));
        this.filled = 0;
      }
    }
    return true;
  }
}

registerProcessor('capture', Capture);
