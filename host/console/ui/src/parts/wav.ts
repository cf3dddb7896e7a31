// Sound as a WAV file. Rule: pure; one channel of 16 bits, with the plain header of 44 bytes that every reader knows.
export type Samples = Float32Array<ArrayBuffer>;

const HEADER = 44;

/** One channel of several: their mean. */
export function monoOf(channels: readonly Float32Array[]): Samples {
  const [first] = channels;
  if (!first) return new Float32Array(0);
  const mono = new Float32Array(first);
  for (let at = 1; at < channels.length; at += 1) {
    const channel = channels[at];
    for (let index = 0; index < mono.length; index += 1) mono[index] = (mono[index] ?? 0) + (channel?.[index] ?? 0);
  }
  if (channels.length > 1) for (let index = 0; index < mono.length; index += 1) mono[index] = (mono[index] ?? 0) / channels.length;
  return mono;
}

/** A sample as 16 bits; what is too loud is clipped. */
function sixteen(sample: number): number {
  const bounded = Math.max(-1, Math.min(1, sample));
  return Math.round(bounded * (bounded < 0 ? 0x8000 : 0x7fff));
}

/** Samples as a WAV file. */
export function wavOf(samples: Float32Array, rate: number): Uint8Array<ArrayBuffer> {
  const length = samples.length * 2;
  const bytes = new Uint8Array(HEADER + length);
  const view = new DataView(bytes.buffer);
  const name = (at: number, text: string): void => {
    for (let index = 0; index < text.length; index += 1) view.setUint8(at + index, text.charCodeAt(index));
  };
  name(0, 'RIFF');
  view.setUint32(4, HEADER - 8 + length, true);
  name(8, 'WAVEfmt ');
  view.setUint32(16, 16, true);
  view.setUint16(20, 1, true);
  view.setUint16(22, 1, true);
  view.setUint32(24, rate, true);
  view.setUint32(28, rate * 2, true);
  view.setUint16(32, 2, true);
  view.setUint16(34, 16, true);
  name(36, 'data');
  view.setUint32(40, length, true);
  for (let index = 0; index < samples.length; index += 1) {
    view.setInt16(HEADER + index * 2, sixteen(samples[index] ?? 0), true);
  }
  return bytes;
}

/** Blocks after each other, at most so many samples. */
export function joined(blocks: readonly Float32Array[], most: number): Samples {
  const length = Math.min(
    most,
    blocks.reduce((sum, block) => sum + block.length, 0),
  );
  const all = new Float32Array(length);
  let at = 0;
  for (const block of blocks) {
    if (at >= length) break;
    const part = block.subarray(0, length - at);
    all.set(part, at);
    at += part.length;
  }
  return all;
}

/** The bytes of base64; null if it is none. */
export function bytesOf(base64: string): Uint8Array<ArrayBuffer> | null {
  try {
    return Uint8Array.from(atob(base64), (one) => one.charCodeAt(0));
  } catch {
    return null;
  }
}
