// Text frames: what is sent, and what becomes of whatever arrives. Rule: the crate's corpus of messages is read here
// too, and nothing in it throws.
import { readFileSync, readdirSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { helloOf, readMessage, socketAddress, writeMessage } from './protocol';

const corpus = new URL('../../../../protocol/tests/corpus/', import.meta.url);

describe('messages of the device', () => {
  it('says hello as firmware does', () => {
    expect(JSON.parse(writeMessage(helloOf('opus', 1), 's'))).toEqual({
      type: 'hello',
      version: 1,
      transport: 'websocket',
      features: { mcp: true, modehost: true, emoji: true },
      audio_params: { format: 'opus', sample_rate: 16000, channels: 1, frame_duration: 60 },
    });
  });

  it('repeats the session in later messages', () => {
    const sent = writeMessage({ type: 'listen', state: 'start', mode: 'auto' }, 's-1');
    expect(JSON.parse(sent)).toEqual({ type: 'listen', state: 'start', mode: 'auto', session_id: 's-1' });
    expect(writeMessage({ type: 'abort' }, null)).toBe('{"type":"abort"}');
  });

  it('puts the identity into the query', () => {
    const address = socketAddress('ws://localhost:8104/supie/v1/', '02:00:00:00:00:01', 'c d', '');
    expect(address).toBe('ws://localhost:8104/supie/v1/?device-id=02%3A00%3A00%3A00%3A00%3A01&client-id=c+d');
    expect(socketAddress('wss://h/x/', 'd', 'c', 't&u')).toBe('wss://h/x/?device-id=d&client-id=c&token=t%26u');
    expect(() => socketAddress('http://h/', 'd', 'c', '')).toThrow();
    expect(() => socketAddress('nothing', 'd', 'c', '')).toThrow();
  });
});

describe('messages of the server', () => {
  it('reads hello and corrects impossible audio', () => {
    const read = (params: string) =>
      readMessage(`{"type":"hello","transport":"websocket","session_id":"s","audio_params":${params}}`);
    expect(read('{"format":"opus","sample_rate":24000,"channels":1,"frame_duration":60}')).toEqual({
      type: 'hello',
      sessionId: 's',
      audio: { codec: 'opus', sampleRate: 24000, frameMs: 60 },
    });
    const defaults = { codec: 'opus', sampleRate: 24000, frameMs: 60 };
    for (const params of ['null', '7', '{}', '{"sample_rate":"fast"}', '{"sample_rate":1e9,"frame_duration":0}']) {
      expect(read(params)).toMatchObject({ audio: defaults });
    }
    expect(read('{"format":"pcm","sample_rate":16000}')).toMatchObject({ audio: { codec: 'pcm', sampleRate: 16000 } });
  });

  it('reads every type of the document', () => {
    expect(readMessage('{"type":"stt","text":"hi"}')).toEqual({ type: 'stt', text: 'hi' });
    expect(readMessage('{"type":" TTS ","state":"sentence_start","text":"a"}')).toEqual({
      type: 'tts',
      state: 'sentence_start',
      text: 'a',
    });
    expect(readMessage('{"type":"llm","emotion":"happy","text":"x"}')).toEqual({ type: 'emotion', emotion: 'happy' });
    expect(readMessage('{"type":"llm"}')).toEqual({ type: 'emotion', emotion: 'neutral' });
    expect(readMessage('{"type":"audio","event":"transcription","text":"h"}')).toEqual({
      type: 'transcription',
      text: 'h',
    });
    expect(readMessage('{"type":"alert","status":"a","message":"b","emotion":"sad"}')).toMatchObject({
      status: 'a',
      message: 'b',
    });
    expect(readMessage('{"type":"system","event":"timeout_warning","remaining_ms":15000}')).toEqual({
      type: 'timeout_warning',
      remainingMs: 15000,
    });
    expect(readMessage('{"type":"system","message":"m"}')).toEqual({ type: 'system', message: 'm' });
    expect(
      readMessage('{"type":"mode","status":"error","code":"UNKNOWN_MODE","message":"m","mode":"x","state":"start"}'),
    ).toEqual({
      type: 'mode',
      ok: false,
      state: 'start',
      mode: 'x',
      code: 'UNKNOWN_MODE',
      message: 'm',
    });
    expect(readMessage('{"type":"error","code":"C","message":"m","ref":{"type":"t"}}')).toEqual({
      type: 'error',
      code: 'C',
      message: 'm',
      of: 't',
    });
    expect(readMessage('{"type":"mcp","payload":{"id":1}}')).toEqual({ type: 'mcp', payload: { id: 1 } });
    expect(readMessage('{"type":"pong"}')).toEqual({ type: 'pong' });
    expect(readMessage('{"type":"listen","state":"start","mode":"manual"}')).toEqual({
      type: 'listen',
      state: 'start',
      mode: 'manual',
    });
    expect(readMessage('{"type":"diary","phase":"snippet"}')).toMatchObject({ type: 'other', name: 'diary' });
  });

  it('takes members of a wrong type for missing ones', () => {
    expect(readMessage('{"type":"stt","text":7}')).toEqual({ type: 'stt', text: '' });
    expect(readMessage('{"type":"mcp","payload":[1]}')).toEqual({ type: 'mcp', payload: {} });
    for (const text of ['', '7', 'null', '[]', '{}', '{"type":7}', '{"type":""}', '{', '\u0000']) {
      expect(readMessage(text), text).toEqual({ type: 'unreadable' });
    }
  });

  it('reads the corpus of the protocol without an exception', () => {
    for (const folder of ['messages', 'hello']) {
      for (const file of readdirSync(new URL(`${folder}/`, corpus))) {
        const text = readFileSync(new URL(`${folder}/${file}`, corpus), 'utf8');
        expect(() => readMessage(text), file).not.toThrow();
      }
    }
  });
});
