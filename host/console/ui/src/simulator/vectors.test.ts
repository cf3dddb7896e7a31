// The test vectors of the device protocol (host/protocol/vectors.json), which the server's crate is checked against as well.
// Rule: every vector is read, and what the simulator sends is the same byte for byte, or the same JSON.
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { frameAudio, frameText, parseFrame, type Framing } from './framing';
import { helloOf, readMessage, writeMessage, type JsonObject, type ToServer } from './protocol';

interface Vectors {
  frames: { framing: Framing; hex: string; audio?: string; timestamp_ms?: number; text?: string; error?: string }[];
  from_device: { session: string | null; message: JsonObject }[];
  from_server: { message: JsonObject; read: JsonObject }[];
}

const vectors = JSON.parse(
  readFileSync(new URL('../../../../protocol/vectors.json', import.meta.url), 'utf8'),
) as Vectors;

function bytes(hex: string): Uint8Array<ArrayBuffer> {
  return new Uint8Array((hex.match(/../g) ?? []).map((byte) => parseInt(byte, 16)));
}

describe('vectors of the protocol', () => {
  it('reads and writes frames byte for byte', () => {
    expect(vectors.frames.length).toBeGreaterThan(12);
    for (const { framing, hex, audio, timestamp_ms, text, error } of vectors.frames) {
      const frame = bytes(hex);
      const payload = parseFrame(framing, frame);
      if (error !== undefined) {
        expect(payload, hex).toEqual({ kind: 'malformed', why: error });
      } else if (text !== undefined) {
        expect(payload, hex).toEqual({ kind: 'text', bytes: new TextEncoder().encode(text) });
        expect(frameText(framing, text), hex).toEqual(frame);
      } else {
        expect(payload, hex).toEqual({ kind: 'audio', bytes: bytes(audio ?? '') });
        expect(frameAudio(framing, bytes(audio ?? ''), timestamp_ms ?? 0), hex).toEqual(frame);
      }
    }
  });

  it('sends the messages that the server understands', () => {
    expect(vectors.from_device.length).toBeGreaterThan(10);
    for (const { session, message } of vectors.from_device) {
      const { type, version, audio_params } = message as { type: string; version?: number; audio_params?: JsonObject };
      const sent =
        type === 'hello'
          ? helloOf(audio_params?.['format'] === 'pcm' ? 'pcm' : 'opus', version ?? 1)
          : (message as unknown as ToServer);
      const expected = session === null ? message : { ...message, session_id: session };
      expect(JSON.parse(writeMessage(sent, session))).toEqual(expected);
    }
  });

  it('reads the messages of the server', () => {
    expect(vectors.from_server.length).toBeGreaterThan(12);
    for (const { message, read } of vectors.from_server) {
      expect(readMessage(JSON.stringify(message))).toEqual(read);
    }
  });
});
