// From samples to packets: Opus by WebCodecs, or PCM where the browser has no encoder. Rule: frames of 60 ms at 16 kHz
// go in, one packet for each comes out, in order; after `close` none does.
import { FRAME_MS, UPLINK_RATE, type Codec } from './protocol';

const BITS_PER_SECOND = 24_000;

/** What this page may send and play. */
export type Sound = { readonly codec: Codec; readonly reason: 'opus' | 'insecure' | 'no_webcodecs' };

const opus: AudioEncoderConfig = {
  codec: 'opus',
  sampleRate: UPLINK_RATE,
  numberOfChannels: 1,
  bitrate: BITS_PER_SECOND,
  opus: { frameDuration: FRAME_MS * 1000 },
};

/** Opus needs an encoder and a decoder; one codec is announced for both ways. */
export async function supportedSound(): Promise<Sound> {
  if (!isSecureContext) return { codec: 'pcm', reason: 'insecure' };
  if (typeof AudioEncoder === 'undefined' || typeof AudioDecoder === 'undefined') {
    return { codec: 'pcm', reason: 'no_webcodecs' };
  }
  try {
    const decoding = { codec: 'opus', sampleRate: 24_000, numberOfChannels: 1 };
    const [encoder, decoder] = await Promise.all([
      AudioEncoder.isConfigSupported(opus),
      AudioDecoder.isConfigSupported(decoding),
    ]);
    if (encoder.supported && decoder.supported) return { codec: 'opus', reason: 'opus' };
  } catch {
    // A browser that does not know the form of the question does not have the codec either.
  }
  return { codec: 'pcm', reason: 'no_webcodecs' };
}

export interface Encoder {
  encode(frame: Float32Array<ArrayBuffer>): void;
  /** Resolves once all packets have come out. */
  flush(): Promise<void>;
  close(): void;
}

/** `emit` is called with each packet. */
export function createEncoder(codec: Codec, emit: (packet: Uint8Array<ArrayBuffer>) => void): Encoder {
  if (codec === 'opus') return new OpusEncoder(emit);
  return { encode: (frame) => emit(toPcm(frame)), flush: () => Promise.resolve(), close() {} };
}

class OpusEncoder implements Encoder {
  private encoder: AudioEncoder | null;
  private samples = 0;

  constructor(emit: (packet: Uint8Array<ArrayBuffer>) => void) {
    this.encoder = new AudioEncoder({
      output: (chunk) => {
        if (this.encoder === null) return;
        const packet = new Uint8Array(chunk.byteLength);
        chunk.copyTo(packet);
        emit(packet);
      },
      // The encoder is closed by its error; the next frame makes no packet, and the next utterance a new encoder.
      error: () => {
        this.encoder = null;
      },
    });
    this.encoder.configure(opus);
  }

  encode(frame: Float32Array<ArrayBuffer>): void {
    if (this.encoder === null) return;
    const data = new AudioData({
      format: 'f32-planar',
      sampleRate: UPLINK_RATE,
      numberOfFrames: frame.length,
      numberOfChannels: 1,
      timestamp: Math.round((this.samples / UPLINK_RATE) * 1e6),
      data: frame,
    });
    this.samples += frame.length;
    this.encoder.encode(data);
    data.close();
  }

  async flush(): Promise<void> {
    await this.encoder?.flush().catch(() => {});
  }

  close(): void {
    const encoder = this.encoder;
    this.encoder = null;
    if (encoder !== null && encoder.state !== 'closed') encoder.close();
  }
}

/** Signed 16 bit, little-endian. */
function toPcm(frame: Float32Array): Uint8Array<ArrayBuffer> {
  const packet = new Uint8Array(frame.length * 2);
  const view = new DataView(packet.buffer);
  frame.forEach((sample, index) =>
    view.setInt16(index * 2, Math.round(Math.max(-1, Math.min(1, sample)) * 32_767), true),
  );
  return packet;
}
