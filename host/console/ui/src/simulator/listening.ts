// The way in: when the device listens, and what it sends then. Rule: sound is sent between `listen` `start` and `stop`
// only, and in automatic listening never while the server speaks; the microphone is open only while it is wanted.
import { signal } from '@preact/signals';
import { createEncoder, type Encoder } from './encoder';
import { Loudness } from './loudness';
import {
  openMicrophone,
  playInto,
  readSoundFile,
  SourceError,
  type Block,
  type Source,
  type SourceFault,
} from './microphone';
import { FRAME_MS, UPLINK_RATE, type Codec, type ListenMode, type ToServer } from './protocol';
import { Framer } from './resample';

/** Push to talk keeps the microphone for the next press this long: opening it takes a part of the first word. */
const KEEP_OPEN_MS = 30_000;
/** The server takes less for a bounce of the button. */
const LEAST_PRESS_MS = 300;
/** Silence behind a file, for the server to find its end. */
const AFTER_FILE_MS = 4_000;

export interface ListeningHost {
  codec(): Codec;
  /** Whether messages can be sent now; connects otherwise. */
  ready(): boolean;
  send(message: ToServer): void;
  sendAudio(packet: Uint8Array<ArrayBuffer>): void;
  isSpeaking(): boolean;
  /** The person has ended an utterance by hand. */
  spoke(): void;
}

export class Listening {
  readonly mode = signal<ListenMode>('auto');
  /** The person wants the device to listen; in automatic mode it pauses while the server speaks. */
  readonly isOn = signal(false);
  readonly isSending = signal(false);
  readonly opening = signal<'microphone' | 'file' | null>(null);
  readonly source = signal<'microphone' | 'file' | null>(null);
  readonly level = signal(0);
  readonly fault = signal<SourceFault | 'too_short' | null>(null);

  private readonly loudness = new Loudness();
  private readonly framer = new Framer((UPLINK_RATE * FRAME_MS) / 1000);
  private encoder: Encoder | null = null;
  private open: Source | null = null;
  private idle: number | null = null;
  /** The end of the last utterance is on its way; another must not overtake it. */
  private finishing: Promise<void> = Promise.resolve();
  private pressedAt = 0;
  /** Counts changes of mind: what was being opened before the last one is closed again. */
  private wish = 0;

  constructor(private readonly host: ListeningHost) {}

  choose(mode: ListenMode): void {
    this.stop();
    this.mode.value = mode;
  }

  /** Begins to listen. Resolves once it does, or cannot. */
  async start(): Promise<void> {
    this.isOn.value = true;
    this.fault.value = null;
    this.pressedAt = performance.now();
    if (!(await this.openSource())) return;
    await this.finishing;
    this.resume();
  }

  /** Ends what was begun by `start`. In push to talk the utterance is complete now. */
  stop(): void {
    const wasSending = this.isSending.value;
    const isManual = this.mode.value === 'manual';
    this.isOn.value = false;
    if (this.opening.value !== null) this.wish += 1;
    this.opening.value = null;
    if (wasSending && isManual && performance.now() - this.pressedAt < LEAST_PRESS_MS) this.fault.value = 'too_short';
    if (wasSending) this.finishing = this.finish(isManual && this.fault.value !== 'too_short');
    if (isManual && this.source.value === 'microphone') this.closeLater();
    else this.close();
  }

  /** Listens again: after the server has spoken, or after the connection came back. */
  resume(): void {
    if (!this.isOn.value || this.isSending.value || this.open === null || !this.host.ready()) return;
    if (this.mode.value === 'auto' && this.host.isSpeaking()) return;
    this.host.send({ type: 'listen', state: 'start', mode: this.mode.value });
    this.restart();
  }

  /** The server speaks. */
  serverSpeaks(): void {
    if (this.mode.value === 'auto') this.isSending.value = false;
    this.loudness.takeSpeechEnd();
    if (this.source.value === 'file') this.stop();
  }

  /** The connection was lost: what is recorded meanwhile is not kept. */
  pause(): void {
    this.isSending.value = false;
  }

  /** When the person was heard last (`performance.now`). */
  takeSpeechEnd(): number | null {
    return this.loudness.takeSpeechEnd();
  }

  /** Sends a file as if it were spoken. */
  async sendFile(file: File): Promise<void> {
    this.stop();
    this.close();
    this.fault.value = null;
    const wish = ++this.wish;
    this.opening.value = 'file';
    try {
      const samples = await readSoundFile(file);
      if (wish !== this.wish) return;
      this.pressedAt = performance.now() - LEAST_PRESS_MS;
      this.isOn.value = true;
      this.source.value = 'file';
      this.open = playInto(
        samples,
        (block) => this.onBlock(block),
        () => this.fileEnds(wish),
      );
      this.resume();
    } catch (error) {
      if (wish === this.wish) this.fault.value = error instanceof SourceError ? error.fault : 'unreadable_file';
    } finally {
      if (wish === this.wish) this.opening.value = null;
    }
  }

  /** Releases everything. */
  dispose(): void {
    this.stop();
    this.close();
  }

  private fileEnds(wish: number): void {
    if (wish !== this.wish) return;
    if (this.mode.value === 'manual') this.stop();
    else window.setTimeout(() => wish === this.wish && this.source.value === 'file' && this.stop(), AFTER_FILE_MS);
  }

  private async openSource(): Promise<boolean> {
    if (this.idle !== null) window.clearTimeout(this.idle);
    this.idle = null;
    if (this.open !== null && this.source.value === 'microphone') return true;
    this.close();
    const wish = ++this.wish;
    this.opening.value = 'microphone';
    try {
      const opened = await openMicrophone(
        (block) => this.onBlock(block),
        () => this.lose('no_device'),
      );
      if (wish !== this.wish) {
        opened.close();
        return false;
      }
      this.open = opened;
      this.source.value = 'microphone';
      this.opening.value = null;
      return true;
    } catch (error) {
      if (wish === this.wish) this.lose(error instanceof SourceError ? error.fault : 'busy');
      return false;
    }
  }

  private lose(fault: SourceFault): void {
    this.fault.value = fault;
    this.isOn.value = false;
    this.opening.value = null;
    if (this.isSending.value) this.finishing = this.finish(false);
    this.close();
  }

  private restart(): void {
    this.encoder?.close();
    this.framer.reset();
    this.loudness.takeSpeechEnd();
    this.encoder = createEncoder(this.host.codec(), (packet) => this.host.sendAudio(packet));
    this.isSending.value = true;
  }

  private onBlock(block: Block): void {
    const level = this.loudness.add(block, performance.now());
    // The meter moves in steps that can be seen, so that it is not drawn for nothing.
    this.level.value = Math.round(Math.min(1, level * 6) * 40) / 40;
    if (this.isSending.value) this.framer.add(block, (frame) => this.encoder?.encode(frame));
  }

  /** Sends what is left, and then `stop`. `isUtterance`: a turn begins by it. */
  private async finish(isUtterance: boolean): Promise<void> {
    const { encoder } = this;
    this.encoder = null;
    this.isSending.value = false;
    this.framer.flush((frame) => encoder?.encode(frame));
    if (isUtterance) this.host.spoke();
    await encoder?.flush();
    encoder?.close();
    this.host.send({ type: 'listen', state: 'stop' });
  }

  private closeLater(): void {
    if (this.idle !== null) window.clearTimeout(this.idle);
    this.idle = window.setTimeout(() => !this.isOn.value && this.close(), KEEP_OPEN_MS);
    this.level.value = 0;
  }

  private close(): void {
    if (this.idle !== null) window.clearTimeout(this.idle);
    this.idle = null;
    this.open?.close();
    this.open = null;
    this.source.value = null;
    this.level.value = 0;
  }
}
