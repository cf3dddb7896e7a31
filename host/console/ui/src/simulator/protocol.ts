// Text frames of the device protocol and their typed form (host/protocol/PROTOCOL.md). Rule: pure; whatever the server
// sends becomes a message of this list, and no member is believed to have a type before it was looked at.

export type Json = null | boolean | number | string | Json[] | JsonObject;
export interface JsonObject {
  [member: string]: Json;
}

export type ListenMode = 'auto' | 'manual' | 'realtime';
export type Codec = 'opus' | 'pcm';

/** Rate and length of the frames that the simulator sends. */
export const UPLINK_RATE = 16_000;
export const FRAME_MS = 60;

/** What the simulator sends. */
export type ToServer =
  | {
      readonly type: 'hello';
      readonly version: number;
      readonly transport: 'websocket';
      readonly features: { readonly mcp: true; readonly modehost: true; readonly emoji: true };
      readonly audio_params: {
        readonly format: Codec;
        readonly sample_rate: number;
        readonly channels: 1;
        readonly frame_duration: number;
      };
    }
  | { readonly type: 'listen'; readonly state: 'start'; readonly mode: ListenMode }
  | { readonly type: 'listen'; readonly state: 'stop' }
  | { readonly type: 'listen'; readonly state: 'detect'; readonly text: string }
  | { readonly type: 'abort'; readonly reason?: 'wake_word_detected' }
  | { readonly type: 'mcp'; readonly payload: JsonObject }
  | { readonly type: 'mode'; readonly state: 'start' | 'end'; readonly mode: string }
  | { readonly type: 'ping' };

/** What the server will send as audio. */
export interface Downlink {
  readonly codec: Codec;
  readonly sampleRate: number;
  readonly frameMs: number;
}

/** What the server sends. `other` is a type without a meaning here; `unreadable` is not a JSON object with a type. */
export type FromServer =
  | { readonly type: 'hello'; readonly sessionId: string; readonly audio: Downlink }
  | { readonly type: 'stt'; readonly text: string }
  | { readonly type: 'transcription'; readonly text: string }
  | { readonly type: 'emotion'; readonly emotion: string }
  | { readonly type: 'tts'; readonly state: string; readonly text: string }
  | { readonly type: 'mcp'; readonly payload: JsonObject }
  | { readonly type: 'alert'; readonly status: string; readonly message: string; readonly emotion: string }
  | { readonly type: 'notify'; readonly text: string }
  | { readonly type: 'system'; readonly message: string }
  | { readonly type: 'timeout_warning'; readonly remainingMs: number }
  | {
      readonly type: 'mode';
      readonly ok: boolean;
      readonly state: string;
      readonly mode: string;
      readonly code: string;
      readonly message: string;
    }
  | { readonly type: 'listen'; readonly state: string; readonly mode: string }
  | { readonly type: 'error'; readonly code: string; readonly message: string; readonly of: string }
  | { readonly type: 'pong' }
  | { readonly type: 'keepalive' }
  | { readonly type: 'other'; readonly name: string; readonly body: JsonObject }
  | { readonly type: 'unreadable' };

/** The hello of the simulator. `version` names the framing, as firmware does; the server looks at the frames. */
export function helloOf(codec: Codec, framing: number): ToServer {
  return {
    type: 'hello',
    version: framing,
    transport: 'websocket',
    features: { mcp: true, modehost: true, emoji: true },
    audio_params: { format: codec, sample_rate: UPLINK_RATE, channels: 1, frame_duration: FRAME_MS },
  };
}

/** The text of a message. Firmware repeats the session's id in every message but hello. */
export function writeMessage(message: ToServer, sessionId: string | null): string {
  if (sessionId === null || message.type === 'hello' || message.type === 'ping') return JSON.stringify(message);
  return JSON.stringify({ session_id: sessionId, ...message });
}

/** Reads a text frame. */
export function readMessage(text: string): FromServer {
  const body = parseObject(text);
  const name = body ? string(body['type']).trim().toLowerCase() : '';
  if (!body || name === '') return { type: 'unreadable' };
  switch (name) {
    case 'hello':
      return { type: 'hello', sessionId: string(body['session_id']), audio: downlink(object(body['audio_params'])) };
    case 'stt':
      return { type: 'stt', text: string(body['text']) };
    case 'llm':
      return { type: 'emotion', emotion: string(body['emotion']) || 'neutral' };
    case 'tts':
      return { type: 'tts', state: string(body['state']), text: string(body['text']) };
    case 'mcp':
      return { type: 'mcp', payload: object(body['payload']) };
    case 'alert':
      return {
        type: 'alert',
        status: string(body['status']),
        message: string(body['message']),
        emotion: string(body['emotion']),
      };
    case 'notify':
      return { type: 'notify', text: string(body['text']) || string(body['message']) };
    case 'system':
      if (body['event'] === 'timeout_warning') {
        return { type: 'timeout_warning', remainingMs: number(body['remaining_ms'], 0) };
      }
      return { type: 'system', message: string(body['message']) || string(body['command']) || string(body['event']) };
    case 'mode':
      return {
        type: 'mode',
        ok: body['status'] === 'ok',
        state: string(body['state']),
        mode: string(body['mode']),
        code: string(body['code']),
        message: string(body['message']),
      };
    case 'listen':
      return { type: 'listen', state: string(body['state']), mode: string(body['mode']) };
    case 'error':
      return {
        type: 'error',
        code: string(body['code']),
        message: string(body['message']),
        of: string(object(body['ref'])['type']),
      };
    case 'audio':
      return body['event'] === 'transcription'
        ? { type: 'transcription', text: string(body['text']) }
        : { type: 'other', name, body };
    case 'pong':
    case 'keepalive':
      return { type: name };
    default:
      return { type: 'other', name, body };
  }
}

/** The address of the WebSocket with the identity in its query, since a page cannot set headers. */
export function socketAddress(url: string, device: string, client: string, token: string): string {
  const address = new URL(url);
  if (address.protocol !== 'ws:' && address.protocol !== 'wss:') throw new TypeError(url);
  address.searchParams.set('device-id', device);
  address.searchParams.set('client-id', client);
  if (token !== '') address.searchParams.set('token', token);
  return address.toString();
}

/** A JSON object, or `null` for any other text. */
export function parseObject(text: string): JsonObject | null {
  try {
    const value = JSON.parse(text) as Json;
    return isObject(value) ? value : null;
  } catch {
    return null;
  }
}

export function isObject(value: Json | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** A string member; empty if it is none. */
export function string(value: Json | undefined): string {
  return typeof value === 'string' ? value : '';
}

/** An object member; empty if it is none. */
export function object(value: Json | undefined): JsonObject {
  return isObject(value) ? value : {};
}

/** An array member; empty if it is none. */
export function array(value: Json | undefined): readonly Json[] {
  return Array.isArray(value) ? value : [];
}

function number(value: Json | undefined, otherwise: number): number {
  return typeof value === 'number' && Number.isFinite(value) ? value : otherwise;
}

/** Rates beyond what an AudioContext plays, and frames of no length, become the protocol's defaults. */
function downlink(params: JsonObject): Downlink {
  const rate = number(params['sample_rate'], 24_000);
  const frame = number(params['frame_duration'], FRAME_MS);
  return {
    codec: params['format'] === 'pcm' ? 'pcm' : 'opus',
    sampleRate: rate >= 8_000 && rate <= 48_000 ? rate : 24_000,
    frameMs: frame > 0 && frame <= 120 ? frame : FRAME_MS,
  };
}
