// The simulated device's way to the server: finds the address, connects, and comes back after a loss. Rule: at most one
// connection; what is begun before the page was left, or before another attempt, is never finished.
import { batch, signal } from '@preact/signals';
import { Connection, type ConnectionEnd } from './connection';
import type { Note } from './conversation';
import type { Sound } from './encoder';
import { FrameLog } from './frames';
import type { Framing } from './framing';
import type { Identity } from './identity';
import { socketAddress, type Codec, type Downlink, type FromServer, type ToServer } from './protocol';
import { nextStep } from './reconnect';
import { findPlace } from './server';

/** `onDemand`: it connects for the next turn. `away`: only the reader brings it back. */
export type LinkState = 'finding' | 'connecting' | 'open' | 'waiting' | 'onDemand' | 'away';

export interface LinkEvents {
  opened(downlink: Downlink): void;
  message(message: FromServer): void;
  audio(packet: Uint8Array<ArrayBuffer>): void;
  /** The connection is gone. `isOver`: so is the conversation, until somebody begins another. */
  closed(isOver: boolean): void;
  note(note: Note): void;
}

/** Messages that wait for a connection. */
const MOST_PENDING = 4;
/** Attempts after which a server that was there before is more than restarting. */
const PATIENCE = 4;

export class Link {
  readonly state = signal<LinkState>('finding');
  readonly identity = signal<Identity | null>(null);
  readonly sound = signal<Sound | null>(null);
  readonly framing = signal<Framing>(1);
  readonly address = signal('');
  readonly session = signal<string | null>(null);
  readonly downlink = signal<Downlink | null>(null);
  readonly frames = new FrameLog();

  private connection: Connection | null = null;
  private timer: number | null = null;
  private failures = 0;
  private attempt = 0;
  private pending: ToServer[] = [];

  constructor(private readonly events: LinkEvents) {}

  get codec(): Codec {
    return this.sound.value?.codec ?? 'pcm';
  }

  /** Connects now, whatever the last connection ended by. */
  async connect(): Promise<void> {
    const identity = this.identity.value;
    if (identity === null) return;
    this.hangUp();
    const { attempt } = this;
    this.state.value = 'finding';
    const place = await findPlace(identity);
    if (attempt !== this.attempt) return;
    if (place === null) {
      if (this.failures === 0) this.events.note({ tone: 'danger', text: (w) => w.link.noAddress });
      this.retry({ kind: 'unreachable' });
      return;
    }
    const { code, url } = place;
    if (code !== '') this.events.note({ tone: 'warn', text: (w) => w.link.activation(code) });
    this.address.value = url;
    try {
      this.open(socketAddress(url, identity.device, identity.client, place.token));
    } catch {
      this.events.note({ tone: 'danger', text: (w) => w.link.insecureAddress(url) });
      this.state.value = 'away';
    }
  }

  /** Whether messages can be sent now; connects if the next turn has been waited for. */
  ready(): boolean {
    if (this.connection?.isOpen) return true;
    if (this.state.value === 'onDemand' || this.state.value === 'away') void this.connect();
    return false;
  }

  /** Sends a message, or does nothing without a connection. */
  send(message: ToServer): void {
    this.connection?.send(message);
  }

  /** Sends a message, now or once there is a connection. */
  sendOrKeep(message: ToServer): void {
    if (this.ready()) this.send(message);
    else this.pending = [...this.pending, message].slice(-MOST_PENDING);
  }

  sendAudio(packet: Uint8Array<ArrayBuffer>): void {
    this.connection?.sendAudio(packet);
  }

  useFraming(framing: Framing): void {
    this.framing.value = framing;
    this.failures = 0;
    void this.connect();
  }

  /** Loses the connection without a word, as a bad network does. */
  drop(): void {
    if (this.connection !== null) this.onEnd({ kind: 'closed', code: 1006, reason: '' });
  }

  /** The page is left. */
  leave(): void {
    this.hangUp();
    this.pending = [];
    this.state.value = 'finding';
  }

  private open(address: string): void {
    this.state.value = 'connecting';
    const isCurrent = () => connection === this.connection;
    const connection: Connection = new Connection(address, this.codec, this.framing.value, {
      opened: (sessionId, downlink) => this.onOpen(sessionId, downlink),
      message: (message) => batch(() => this.events.message(message)),
      audio: (packet) => this.events.audio(packet),
      passed: (passing) => this.frames.add(passing),
      ended: (end) => isCurrent() && batch(() => this.onEnd(end)),
    });
    this.connection = connection;
  }

  private onOpen(sessionId: string, downlink: Downlink): void {
    const before = this.session.value;
    batch(() => {
      this.failures = 0;
      this.session.value = sessionId;
      this.downlink.value = downlink;
      this.state.value = 'open';
      if (before === sessionId) this.events.note({ tone: 'good', text: (w) => w.link.resumed });
      else if (before !== null) this.events.note({ tone: 'plain', text: (w) => w.link.renewed });
    });
    const { pending } = this;
    this.pending = [];
    for (const message of pending) this.send(message);
    this.events.opened(downlink);
  }

  private onEnd(end: ConnectionEnd): void {
    const wasOpen = this.state.value === 'open';
    if (end.kind === 'closed' && end.code !== 1006) {
      const { code, reason } = end;
      this.events.note({ tone: code === 1000 ? 'plain' : 'warn', text: (w) => w.link.closed(code, reason) });
    } else if (wasOpen) {
      this.events.note({ tone: 'warn', text: (w) => w.link.lost });
    } else if (end.kind === 'no_hello') {
      this.events.note({ tone: 'danger', text: (w) => w.link.noHello });
    } else if (this.session.value === null || this.failures >= PATIENCE) {
      const address = this.address.value;
      this.events.note({ tone: 'danger', text: (w) => w.link.unreachable(address) });
    }
    this.retry(end);
  }

  private retry(end: ConnectionEnd): void {
    const step = nextStep(end, this.failures, Math.random());
    this.hangUp();
    this.failures = step.type === 'on_demand' ? 0 : this.failures + 1;
    this.events.closed(step.type !== 'again');
    if (step.type === 'again') {
      this.state.value = 'waiting';
      this.timer = window.setTimeout(() => void this.connect(), step.afterMs);
    } else {
      this.state.value = step.type === 'on_demand' ? 'onDemand' : 'away';
    }
  }

  private hangUp(): void {
    this.attempt += 1;
    if (this.timer !== null) window.clearTimeout(this.timer);
    this.timer = null;
    this.connection?.close();
    this.connection = null;
  }
}
