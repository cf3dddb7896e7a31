// Pages of finished work, searches that go on by themselves, and found words.
import { expect, test } from 'vitest';
import { ENTRIES_KEPT, extended, gather, marked, PAGES_BY_ITSELF, type EntryPage } from './search';

const page = (ids: string, next: string | null, searched = 1): EntryPage => ({
  entries: ids.split(' ').filter(Boolean).map((id) => ({ id, title: id, at: 1, device: null, excerpt: null })),
  next,
  searched,
});

test('pages are put together without repetition', () => {
  const one = extended(null, page('a b', 'x', 2));
  const two = extended(one, page('b c', null, 3));
  expect(two.entries.map((entry) => entry.id).join('')).toBe('abc');
  expect([two.next, two.searched, two.dropped]).toEqual([null, 5, 0]);
});

test('a long list loses its beginning and says so', () => {
  const many = Array.from({ length: ENTRIES_KEPT }, (_, index) => `i${index}`).join(' ');
  const list = extended(extended(null, page(many, 'x')), page('last', null));
  expect(list.entries).toHaveLength(ENTRIES_KEPT);
  expect(list.entries.at(-1)?.id).toBe('last');
  expect(list.entries[0]?.id).toBe('i1');
  expect(list.dropped).toBe(1);
});

test('a search goes on until it finds something', async () => {
  const answers = [page('', '1', 500), page('', '2', 500), page('a', '3', 40)];
  const asked: string[] = [];
  const found = await gather(async (after) => {
    asked.push(after);
    return answers[asked.length - 1] ?? page('', null);
  }, '');
  expect(asked).toEqual(['', '1', '2']);
  expect(found).toEqual({ ...page('a', '3'), searched: 1040 });
});

test('a search that finds nothing stops after a few pages, and at the end', async () => {
  let asked = 0;
  const endless = await gather(async () => page('', String((asked += 1)), 500), '');
  expect([asked, endless.next, endless.searched]).toEqual([PAGES_BY_ITSELF, '5', 2500]);
  asked = 0;
  const ended = await gather(async () => page('', (asked += 1) < 3 ? String(asked) : null), '');
  expect([asked, ended.next]).toEqual([3, null]);
  asked = 0;
  const stuck = await gather(async () => page('', 'same', (asked += 1)), 'same');
  expect([asked, stuck.next]).toEqual([1, null]);
});

test('found words are marked, whatever their case', () => {
  const shown = (text: string, search: string): string =>
    marked(text, search).map((piece) => (piece.found ? `[${piece.text}]` : piece.text)).join('');
  expect(shown('Ein Test, ein test', 'TEST')).toBe('Ein [Test], ein [test]');
  expect(shown('aaa', 'aa')).toBe('[aa]a');
  expect(shown('今天的预算已确认', '预算')).toBe('今天的[预算]已确认');
  expect(shown('two  words', 'two words')).toBe('two  words');
  expect(shown('two words', '  two   words ')).toBe('[two words]');
  expect(shown('İstanbul is İn', 'is')).toBe('İstanbul [is] İn');
  expect(shown('😀 Ä ä', 'ä')).toBe('😀 [Ä] [ä]');
  expect(shown('a.b', '.')).toBe('a[.]b');
  expect(shown('text', '')).toBe('text');
  expect(marked('', 'x')).toEqual([]);
});
