// Binary frames: audio and its framing, all numbers big-endian (host/protocol/PROTOCOL.md, "Audio"). Rule: a length in a
// header is never trusted; a malformed frame yields a reason and never an exception.

/** 1 is the bare packet, 2 has a header of 16 bytes with a timestamp, 3 one of 4 bytes. */
export type Framing = 1 | 2 | 3;

export const FRAMINGS: readonly Framing[] = [1, 2, 3];

/** The payload of a frame, or why there is none. */
export type Payload =
  | { readonly kind: 'audio'; readonly bytes: Uint8Array<ArrayBuffer> }
  | { readonly kind: 'text'; readonly bytes: Uint8Array<ArrayBuffer> }
  | { readonly kind: 'malformed'; readonly why: 'too_short' | 'version' | 'kind' | 'length' };

const TIMED_HEADER = 16;
const SHORT_HEADER = 4;
const AUDIO = 0;
const TEXT = 1;
/** The length field of framing 3 has 16 bits. */
const SHORT_MOST = 0xffff;

/** Frames an audio packet. `timestampMs` is that of its first sample; only framing 2 carries it. */
export function frameAudio(
  framing: Framing,
  packet: Uint8Array<ArrayBuffer>,
  timestampMs: number,
): Uint8Array<ArrayBuffer> {
  return framing === 1 ? packet : withHeader(framing, AUDIO, packet, timestampMs);
}

/** Frames a JSON message; `null` in framing 1, which has no kind and sends text frames. */
export function frameText(framing: Framing, text: string): Uint8Array<ArrayBuffer> | null {
  if (framing === 1) return null;
  const bytes = new TextEncoder().encode(text);
  if (framing === 3 && bytes.length > SHORT_MOST) return null;
  return withHeader(framing, TEXT, bytes, 0);
}

function withHeader(framing: 2 | 3, kind: number, payload: Uint8Array, timestampMs: number): Uint8Array<ArrayBuffer> {
  const header = framing === 2 ? TIMED_HEADER : SHORT_HEADER;
  const body = framing === 3 ? payload.subarray(0, SHORT_MOST) : payload;
  const frame = new Uint8Array(header + body.length);
  const view = new DataView(frame.buffer);
  if (framing === 2) {
    view.setUint16(0, 2);
    view.setUint16(2, kind);
    view.setUint32(8, timestampMs >>> 0);
    view.setUint32(12, body.length);
  } else {
    view.setUint8(0, kind);
    view.setUint16(2, body.length);
  }
  frame.set(body, header);
  return frame;
}

/** Parses a frame. */
export function parseFrame(framing: Framing, frame: Uint8Array<ArrayBuffer>): Payload {
  if (framing === 1) {
    return frame.length === 0 ? { kind: 'malformed', why: 'too_short' } : { kind: 'audio', bytes: frame };
  }
  const header = framing === 2 ? TIMED_HEADER : SHORT_HEADER;
  if (frame.length < header) return { kind: 'malformed', why: 'too_short' };
  const view = new DataView(frame.buffer, frame.byteOffset, frame.byteLength);
  if (framing === 2 && view.getUint16(0) !== 2) return { kind: 'malformed', why: 'version' };
  const kind = framing === 2 ? view.getUint16(2) : view.getUint8(0);
  const length = framing === 2 ? view.getUint32(12) : view.getUint16(2);
  const bytes = frame.subarray(header);
  if (length !== bytes.length) return { kind: 'malformed', why: 'length' };
  if (kind === TEXT) return { kind: 'text', bytes };
  if (kind !== AUDIO) return { kind: 'malformed', why: 'kind' };
  return bytes.length === 0 ? { kind: 'malformed', why: 'too_short' } : { kind: 'audio', bytes };
}
