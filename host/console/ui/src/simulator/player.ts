// Sound out: packets are decoded, placed by the jitter buffer and played. Rule: `stop` is heard at once, and nothing that
// was received before it is heard after it.
import { JitterBuffer } from './jitter';
import type { Downlink } from './protocol';

/** Fade at a cut, in seconds: a cut without one clicks. */
const FADE = 0.012;
/** What may be left beyond the delay of the jitter buffer, in seconds; the server is never less than this ahead. */
const LEAST_REST = 0.15;

export interface PlayerEvents {
  /** The first sound of a stretch of speech will be heard at this time (`performance.now`). */
  sounded(at: number): void;
  /** The browser does not let the page play before it was touched (`true`), or does now. */
  muted(isMuted: boolean): void;
}

export class Player {
  private context: AudioContext | null = null;
  private gain: GainNode | null = null;
  private analyser: AnalyserNode | null = null;
  private decoder: AudioDecoder | null = null;
  private readonly jitter = new JitterBuffer();
  private readonly playing = new Set<AudioBufferSourceNode>();
  private downlink: Downlink = { codec: 'opus', sampleRate: 24_000, frameMs: 60 };
  private volume = 0.7;
  private isFirst = true;
  /** Counts stops: what was being decoded at a stop is not played. */
  private stretch = 0;
  private packets = 0;
  private waveform: Uint8Array<ArrayBuffer> | null = null;

  constructor(private readonly events: PlayerEvents) {}

  /** What the server will send from now on. */
  expect(downlink: Downlink): void {
    this.stop();
    this.downlink = downlink;
  }

  /** Lets the page play; to be called when the reader touches it. */
  unlock(): void {
    const { context } = this.output();
    if (context.state === 'suspended') context.resume().catch(() => {});
  }

  /** 0 to 100. */
  setVolume(volume: number): void {
    // Loudness is felt as a power of the amplitude.
    this.volume = (volume / 100) ** 2;
    if (this.gain && this.context) this.gain.gain.setTargetAtTime(this.volume, this.context.currentTime, 0.02);
  }

  /** Plays a packet behind those before it. */
  play(packet: Uint8Array<ArrayBuffer>): void {
    if (this.downlink.codec === 'pcm') this.place(fromPcm(packet), this.downlink.sampleRate);
    else this.decode(packet);
  }

  /** Seconds that are still to be heard. */
  ahead(): number {
    return this.context && this.context.state === 'running' ? this.jitter.ahead(this.context.currentTime) : 0;
  }

  /** Whether an answer that ends now ends before its time: the server says `stop` once the last frame has been played,
   * so that no more is left here than the jitter buffer delays. */
  isEarly(): boolean {
    return this.ahead() > this.jitter.latency + LEAST_REST;
  }

  /** Stops after this many seconds; what is queued beyond is dropped. */
  stop(after = 0): void {
    this.stretch += 1;
    this.isFirst = true;
    this.jitter.reset();
    if (this.decoder?.state === 'configured') {
      this.decoder.reset();
      this.configure(this.decoder);
    }
    if (!this.context || !this.gain || this.playing.size === 0) return;
    const end = this.context.currentTime + after;
    for (const source of this.playing) source.stop(end + FADE);
    if (after > 0) return;
    this.playing.clear();
    this.gain.gain.cancelScheduledValues(end);
    this.gain.gain.setTargetAtTime(0, end, FADE / 4);
    this.gain.gain.setTargetAtTime(this.volume, end + FADE * 2, FADE / 4);
  }

  /** The loudness of what is heard now, 0 to 1; for the mouth of the face. */
  level(): number {
    if (!this.analyser || !this.waveform || this.playing.size === 0) return 0;
    this.analyser.getByteTimeDomainData(this.waveform);
    let sum = 0;
    for (const sample of this.waveform) sum += ((sample - 128) / 128) ** 2;
    return Math.min(1, Math.sqrt(sum / this.waveform.length) * 4);
  }

  close(): void {
    this.stop();
    if (this.decoder && this.decoder.state !== 'closed') this.decoder.close();
    this.decoder = null;
    this.context?.close().catch(() => {});
    this.context = this.gain = this.analyser = null;
  }

  private output(): { context: AudioContext; gain: GainNode } {
    if (this.context && this.gain) return { context: this.context, gain: this.gain };
    const context = new AudioContext({ latencyHint: 'interactive' });
    const gain = new GainNode(context, { gain: this.volume });
    const analyser = new AnalyserNode(context, { fftSize: 512 });
    gain.connect(analyser).connect(context.destination);
    context.onstatechange = () => this.events.muted(context.state === 'suspended');
    this.waveform = new Uint8Array(analyser.fftSize);
    [this.context, this.gain, this.analyser] = [context, gain, analyser];
    return { context, gain };
  }

  private decode(packet: Uint8Array<ArrayBuffer>): void {
    if (typeof AudioDecoder === 'undefined') return;
    if (this.decoder === null || this.decoder.state === 'closed') this.decoder = this.createDecoder();
    const timestamp = this.packets * this.downlink.frameMs * 1000;
    this.packets += 1;
    try {
      this.decoder.decode(new EncodedAudioChunk({ type: 'key', timestamp, data: packet }));
    } catch {
      // A packet that is none: the next one gets a new decoder.
      this.decoder = null;
    }
  }

  private createDecoder(): AudioDecoder {
    const decoder = new AudioDecoder({
      output: (data) => {
        // After a reset the old packets do not come out (WebCodecs), so whatever comes belongs to this stretch.
        const samples = new Float32Array(data.numberOfFrames);
        data.copyTo(samples, { planeIndex: 0, format: 'f32-planar' });
        if (this.decoder === decoder) this.place(samples, data.sampleRate);
        data.close();
      },
      error: () => {
        if (this.decoder === decoder) this.decoder = null;
      },
    });
    this.configure(decoder);
    return decoder;
  }

  private configure(decoder: AudioDecoder): void {
    decoder.configure({ codec: 'opus', sampleRate: this.downlink.sampleRate, numberOfChannels: 1 });
  }

  private place(samples: Float32Array<ArrayBuffer>, rate: number): void {
    if (samples.length === 0) return;
    const { context, gain } = this.output();
    if (context.state !== 'running') {
      this.events.muted(true);
      return;
    }
    const start = this.jitter.place(context.currentTime, samples.length / rate);
    if (start === null) return;
    const buffer = new AudioBuffer({ length: samples.length, sampleRate: rate });
    buffer.copyToChannel(samples, 0);
    const source = new AudioBufferSourceNode(context, { buffer });
    source.connect(gain);
    source.onended = () => this.playing.delete(source);
    source.start(start);
    this.playing.add(source);
    if (this.isFirst) {
      this.isFirst = false;
      const latency = context.outputLatency || context.baseLatency || 0;
      this.events.sounded(performance.now() + (start - context.currentTime + latency) * 1000);
    }
  }
}

function fromPcm(packet: Uint8Array<ArrayBuffer>): Float32Array<ArrayBuffer> {
  const view = new DataView(packet.buffer, packet.byteOffset, packet.byteLength);
  const samples = new Float32Array(packet.byteLength >> 1);
  for (let index = 0; index < samples.length; index++) samples[index] = view.getInt16(index * 2, true) / 32_768;
  return samples;
}
