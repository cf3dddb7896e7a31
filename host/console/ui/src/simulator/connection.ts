// One WebSocket to the server, from its opening to its end. Rule: it is open once the server has answered hello, it ends
// once, and it never comes back by itself: device.ts decides on the next one (see reconnect.ts).
import { frameAudio, frameText, parseFrame, type Framing } from './framing';
import {
  helloOf,
  readMessage,
  writeMessage,
  type Codec,
  type Downlink,
  type FromServer,
  type ToServer,
} from './protocol';

/** Firmware waits as long for the answer to hello. */
const HELLO_TIMEOUT_MS = 10_000;
/** Beyond this the network is too slow for sound in time, and audio is dropped. */
const MOST_UNSENT_BYTES = 64 * 1024;

/** Why a connection ended: a close code, or that it never came to be. */
export type ConnectionEnd =
  | { readonly kind: 'closed'; readonly code: number; readonly reason: string }
  | { readonly kind: 'unreachable' }
  | { readonly kind: 'no_hello' };

/** What passes, for the view of frames. `bytes` counts the frame as it was on the wire. */
export type Passing =
  | { readonly way: 'sent' | 'received'; readonly kind: 'text'; readonly text: string; readonly bytes: number }
  | { readonly way: 'sent' | 'received'; readonly kind: 'audio' | 'malformed'; readonly bytes: number };

export interface ConnectionEvents {
  opened(sessionId: string, downlink: Downlink): void;
  message(message: FromServer): void;
  audio(packet: Uint8Array<ArrayBuffer>): void;
  passed(passing: Passing): void;
  ended(end: ConnectionEnd): void;
}

export class Connection {
  private readonly socket: WebSocket;
  private readonly timeout: number;
  private readonly began = performance.now();
  private sessionId: string | null = null;
  private hasOpened = false;
  private hasEnded = false;

  /** @throws if the address is none that this page may open. */
  constructor(
    address: string,
    codec: Codec,
    private readonly framing: Framing,
    private readonly events: ConnectionEvents,
  ) {
    this.socket = new WebSocket(address);
    this.socket.binaryType = 'arraybuffer';
    this.socket.onopen = () => {
      this.hasOpened = true;
      this.send(helloOf(codec, framing));
    };
    this.socket.onmessage = (event: MessageEvent<string | ArrayBuffer>) => this.onFrame(event.data);
    this.socket.onclose = (event) => {
      const { code, reason } = event;
      this.end(this.hasOpened ? { kind: 'closed', code, reason } : { kind: 'unreachable' });
    };
    this.timeout = window.setTimeout(() => {
      if (this.sessionId === null) this.end(this.hasOpened ? { kind: 'no_hello' } : { kind: 'unreachable' });
    }, HELLO_TIMEOUT_MS);
  }

  /** Whether hello has been answered and the socket is open. */
  get isOpen(): boolean {
    return this.sessionId !== null && !this.hasEnded;
  }

  /** Sends a message; nothing happens without a connection. With framings 2 and 3 it goes as a binary frame of kind
   * JSON, by which the server learns the framing before there is any audio. */
  send(message: ToServer): void {
    if (this.socket.readyState !== WebSocket.OPEN) return;
    const text = writeMessage(message, this.sessionId);
    const frame = frameText(this.framing, text);
    this.socket.send(frame ?? text);
    this.events.passed({ way: 'sent', kind: 'text', text, bytes: frame?.length ?? byteLength(text) });
  }

  /** Sends an audio packet, or drops it where the network does not keep up. */
  sendAudio(packet: Uint8Array<ArrayBuffer>): void {
    if (this.socket.readyState !== WebSocket.OPEN || this.socket.bufferedAmount > MOST_UNSENT_BYTES) return;
    const frame = frameAudio(this.framing, packet, performance.now() - this.began);
    this.socket.send(frame);
    this.events.passed({ way: 'sent', kind: 'audio', bytes: frame.length });
  }

  /** Closes as a device does that has no more to say. */
  close(): void {
    this.hasEnded = true;
    window.clearTimeout(this.timeout);
    this.socket.close(1000);
  }

  private onFrame(frame: string | ArrayBuffer): void {
    if (this.hasEnded) return;
    if (typeof frame === 'string') {
      this.onText(frame, byteLength(frame));
      return;
    }
    const payload = parseFrame(this.framing, new Uint8Array(frame));
    if (payload.kind === 'text') {
      this.onText(new TextDecoder().decode(payload.bytes), frame.byteLength);
      return;
    }
    this.events.passed({ way: 'received', kind: payload.kind, bytes: frame.byteLength });
    if (payload.kind === 'audio') this.events.audio(payload.bytes);
  }

  private onText(text: string, bytes: number): void {
    this.events.passed({ way: 'received', kind: 'text', text, bytes });
    const message = readMessage(text);
    if (message.type === 'hello' && this.sessionId === null) {
      this.sessionId = message.sessionId;
      window.clearTimeout(this.timeout);
      this.events.opened(message.sessionId, message.audio);
    }
    this.events.message(message);
  }

  private end(end: ConnectionEnd): void {
    if (this.hasEnded) return;
    this.hasEnded = true;
    window.clearTimeout(this.timeout);
    this.socket.close();
    this.events.ended(end);
  }
}

function byteLength(text: string): number {
  return new TextEncoder().encode(text).length;
}
