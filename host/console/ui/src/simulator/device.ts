// The simulated device: joins its parts, and does what the person and the server ask of it. Rule: it behaves as stock
// firmware does; everything that must not outlive the page is released by `leave`.
import { batch, computed, signal } from '@preact/signals';
import { Dialogue } from './dialogue';
import { supportedSound } from './encoder';
import { identityOfTab } from './identity';
import { Link } from './link';
import { Listening } from './listening';
import type { FromServer, JsonObject } from './protocol';
import { answer, calledTool, listedNames, type DeviceState } from './tools';

export type Phase = 'idle' | 'opening' | 'listening' | 'sending' | 'speaking';

export class Device {
  readonly link: Link;
  readonly dialogue: Dialogue;
  readonly listening: Listening;
  /** The mode asks the person to speak. */
  readonly isAsked = signal(false);
  readonly state = signal<DeviceState>({ lampOn: false, brightness: 60, volume: 70 });
  /** Tools that the server has been told of on this connection. */
  readonly listedTools = signal(0);
  readonly calls = signal<Readonly<Record<string, number>>>({});
  /** Counts what may have changed the mode or the plugins of the session. */
  readonly changes = signal(0);
  readonly phase = computed<Phase>(() => this.phaseNow());
  private visit = 0;

  constructor() {
    this.link = new Link({
      opened: (downlink) => {
        this.listedTools.value = 0;
        this.changes.value += 1;
        this.dialogue.begin(downlink);
        this.listening.resume();
      },
      message: (message) => this.onMessage(message),
      audio: (packet) => this.dialogue.play(packet),
      closed: (isOver) => {
        this.dialogue.stop();
        if (isOver) this.listening.stop();
        else this.listening.pause();
      },
      note: (note) => this.dialogue.add(note),
    });
    this.dialogue = new Dialogue({
      takeSpeechEnd: () => this.listening.takeSpeechEnd(),
      speechBegins: () => this.listening.serverSpeaks(),
      speechEnds: () => this.listening.mode.value === 'auto' && this.listening.resume(),
    });
    this.listening = new Listening({
      codec: () => this.link.codec,
      ready: () => this.link.ready(),
      send: (message) => this.link.send(message),
      sendAudio: (packet) => this.link.sendAudio(packet),
      isSpeaking: () => this.dialogue.isSpeaking.value,
      spoke: () => this.dialogue.said('spoken', ''),
    });
    this.dialogue.setVolume(this.state.value.volume);
  }

  /** The page is shown. */
  async arrive(): Promise<void> {
    const visit = ++this.visit;
    const [identity, sound] = await Promise.all([this.link.identity.value ?? identityOfTab(), supportedSound()]);
    if (visit !== this.visit) return;
    batch(() => {
      this.link.identity.value = identity;
      this.link.sound.value = sound;
    });
    await this.link.connect();
  }

  /** The page is left: the socket is closed and the microphone released. */
  leave(): void {
    this.visit += 1;
    this.listening.dispose();
    this.dialogue.leave();
    this.link.leave();
  }

  async startListening(): Promise<void> {
    this.abort();
    this.isAsked.value = false;
    await this.listening.start();
  }

  async sendFile(file: File): Promise<void> {
    this.abort();
    this.isAsked.value = false;
    await this.listening.sendFile(file);
  }

  type(text: string): void {
    this.abort();
    this.isAsked.value = false;
    this.dialogue.said('typed', text);
    this.link.sendOrKeep({ type: 'listen', state: 'detect', text });
  }

  endMode(mode: string): void {
    this.abort();
    this.link.sendOrKeep({ type: 'mode', state: 'end', mode });
  }

  /** The wake word is heard: as firmware, the device listens from now on. */
  wake(word: string): void {
    this.abort('wake_word_detected');
    this.dialogue.said('wake_word', word);
    this.link.sendOrKeep({ type: 'listen', state: 'detect', text: word });
    if (this.listening.mode.value !== 'manual' && !this.listening.isOn.value) void this.listening.start();
  }

  /** Stops the answer that is being spoken; nothing happens otherwise. */
  abort(reason?: 'wake_word_detected'): void {
    if (!this.dialogue.stop()) return;
    this.link.send(reason === undefined ? { type: 'abort' } : { type: 'abort', reason });
  }

  change(change: Partial<DeviceState>): void {
    this.state.value = { ...this.state.value, ...change };
    if (change.volume !== undefined) this.dialogue.setVolume(change.volume);
  }

  private phaseNow(): Phase {
    const { listening } = this;
    if (listening.opening.value === 'microphone') return 'opening';
    if (this.dialogue.isSpeaking.value) return 'speaking';
    if (!listening.isSending.value) return 'idle';
    return listening.source.value === 'file' ? 'sending' : 'listening';
  }

  private onMessage(message: FromServer): void {
    if (message.type === 'mcp') this.onTool(message.payload);
    else if (message.type === 'listen') this.isAsked.value = message.state === 'start' && !this.listening.isOn.value;
    else this.dialogue.onMessage(message);
    if (message.type === 'mode' || (message.type === 'tts' && message.state === 'stop')) this.changes.value += 1;
  }

  private onTool(request: JsonObject): void {
    const reply = answer(request, { read: () => this.state.value, change: (change) => this.change(change) });
    if (reply === null) return;
    this.link.send({ type: 'mcp', payload: reply });
    this.listedTools.value += listedNames(reply).length;
    const called = calledTool(request, reply);
    if (called === null) return;
    const { name, failed } = called;
    this.calls.value = { ...this.calls.value, [name]: (this.calls.value[name] ?? 0) + 1 };
    this.dialogue.add({
      tone: failed ? 'warn' : 'plain',
      text: (w) => (failed ? w.note.toolFailed(name) : w.note.tool(name)),
    });
  }
}
