// Captions: partial results, sentences, interruptions, notes, and the words of both languages.
import { describe as group, expect, it } from 'vitest';
import { note, serverEnds, serverSays, SILENT, youSay, type Conversation } from './conversation';
import { describe } from './describe';
import { emotionWord, faceOf } from './emotions';
import { readMessage } from './protocol';
import { en, zh } from './words';

const texts = (now: Conversation) =>
  now.entries.map((entry) =>
    entry.who === 'note' ? entry.note.text(en) : entry.who === 'server' ? entry.sentences.join('') : entry.text,
  );

group('captions', () => {
  it('replaces what is not final', () => {
    let now = youSay(youSay(SILENT, 'he', false), 'hello', false);
    expect(now.entries).toHaveLength(1);
    now = youSay(now, 'Hello.', true);
    expect(now.entries).toEqual([{ id: 1, who: 'you', text: 'Hello.', isFinal: true }]);
    expect(youSay(now, 'Hello.', false)).toBe(now);
    expect(youSay(now, 'More', true).entries).toHaveLength(2);
    expect(youSay(serverSays(now, 'Hi.'), 'Hello.', false).entries).toHaveLength(3);
  });

  it('joins the sentences of an answer', () => {
    let now = serverSays(serverSays(SILENT, 'One.'), 'Two.');
    expect(texts(now)).toEqual(['One. Two.']);
    now = serverSays(serverEnds(now, true), '好的。');
    now = serverSays(now, '开始。');
    expect(texts(now)).toEqual(['One. Two.', '好的。开始。']);
    expect(now.entries[0]).toMatchObject({ isCut: true });
    expect(serverSays(now, '')).toBe(now);
  });

  it('stays bounded', () => {
    let now = SILENT;
    for (let index = 0; index < 400; index++) now = youSay(now, 'x'.repeat(10_000), true);
    expect(now.entries).toHaveLength(300);
    expect(texts(now)[0]).toHaveLength(8000);
  });

  it('does not repeat a note', () => {
    const added = { tone: 'plain', text: () => 'a' } as const;
    expect(note(note(SILENT, added, en), added, en).entries).toHaveLength(1);
    const between = youSay(note(SILENT, added, en), 'x', true);
    expect(note(between, added, en).entries).toHaveLength(3);
    const warning = { tone: 'warn', text: () => 'a' } as const;
    expect(note(youSay(note(SILENT, warning, en), 'x', true), warning, en).entries).toHaveLength(2);
  });
});

group('notes', () => {
  const of = (message: object) => describe(readMessage(JSON.stringify(message)));

  it('say what a message means', () => {
    expect(of({ type: 'alert', status: 'ERROR', message: 'No recogniser.', emotion: 'sad' })?.text(en)).toBe(
      'No recogniser.',
    );
    expect(of({ type: 'error', code: 'ASR_UNAVAILABLE', message: 'm' })?.title?.(en)).toBe('Error ASR_UNAVAILABLE');
    expect(of({ type: 'mode', status: 'ok', state: 'start', mode: 'diary' })?.text(zh)).toContain('diary');
    expect(of({ type: 'mode', status: 'error', code: 'UNKNOWN_MODE', mode: 'x' })?.tone).toBe('danger');
    expect(of({ type: 'system', event: 'timeout_warning', remaining_ms: 9990 })?.text(en)).toContain('10 s');
    const summary = of({ type: 'diary', phase: 'summary', title: 'T', bullets: ['a'], actions: [{ text: 'b' }, 7] });
    expect([summary?.title?.(en), summary?.text(en), summary?.items]).toEqual(['diary · summary', 'T', ['a', 'b']]);
    const list = of({ type: 'list', event: 'update', tasks: [{ title: 'one', status: 'open' }] });
    expect([list?.title, list?.text(en), list?.items]).toEqual([undefined, 'list · update', ['one · open']]);
    expect(of({ type: 'mail', payload: { text: 'hello' } })?.text(en)).toBe('hello');
  });

  it('are not made of what means nothing to a person', () => {
    for (const message of [
      { type: 'pong' },
      { type: 'alert' },
      { type: 'diary', phase: 'snippet', text: 'heard as well' },
      { type: 'x' },
      { type: 'list', event: 'update', tasks: [] },
      { type: 'tts', state: 'start' },
    ]) {
      expect(of(message)).toBeNull();
    }
  });
});

group('words', () => {
  it('have the same keys and no empty text in both languages', () => {
    const keys = (value: object, path = ''): string[] =>
      Object.entries(value).flatMap(([key, inner]) =>
        typeof inner === 'object' ? keys(inner as object, `${path}${key}.`) : [`${path}${key}`],
      );
    expect(keys(zh)).toEqual(keys(en));
    const flat = (value: object): unknown[] =>
      Object.values(value).flatMap((inner) => (typeof inner === 'object' ? flat(inner as object) : [inner]));
    for (const text of [...flat(en), ...flat(zh)]) expect(text).not.toBe('');
  });

  it('name every emotion, and an unknown one by itself', () => {
    expect(emotionWord('happy', zh.emotions)).toBe('开心');
    expect(emotionWord('constructor', en.emotions)).toBe('constructor');
    expect(faceOf('constructor')).toEqual(faceOf('neutral'));
  });
});
