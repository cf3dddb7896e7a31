// Pages of the list of documents, and their groups.
import { expect, test } from 'vitest';
import { DOCUMENTS_KEPT, extended, groups, isBefore, refreshed, type DocumentPage } from './listing';

const page = (keys: string, next: string | null = null, version = 1): DocumentPage => ({
  documents: keys.split(' ').filter(Boolean).map((key) => ({ key, version, bytes: 1 })),
  next,
});
const keys = (list: DocumentPage): string => list.documents.map((one) => one.key).join(' ');

test('keys are in the order of their bytes', () => {
  expect(['b', 'a/', 'a', 'Z', '中', 'é', '😀', '\uff5e'].sort((a, b) => (isBefore(a, b) ? -1 : 1)).join(' ')).toBe('Z a a/ b é 中 ～ 😀');
  expect(isBefore('a', 'a')).toBe(false);
});

test('a page behind is appended, up to a bound', () => {
  const both = extended(page('a b', 'b'), page('c d', 'd'));
  expect(keys(both)).toBe('a b c d');
  expect(both.next).toBe('d');
  const many = page(Array.from({ length: DOCUMENTS_KEPT }, (_, index) => `k${index}`).join(' '));
  expect(extended(many, page('x')).documents).toHaveLength(DOCUMENTS_KEPT);
});

test('the first page again keeps what is behind it', () => {
  const list = extended(page('a b', 'b'), page('c d', 'd'));
  const newer = refreshed(list, page('a aa', 'aa', 2));
  expect(keys(newer)).toBe('a aa b c d');
  expect(newer.documents.map((one) => one.version)).toEqual([2, 2, 1, 1, 1]);
  expect(newer.next).toBe('d');
  expect(keys(refreshed(list, page('a c', 'c')))).toBe('a c d');
  expect(refreshed(list, page('a b', null)).next).toBeNull();
  expect(keys(refreshed(list, page('a b', null)))).toBe('a b');
  expect(refreshed(page('a b', 'b'), page('a c', 'c')).next).toBe('c');
  expect(keys(refreshed(null, page('a')))).toBe('a');
  expect(keys(refreshed(list, page('')))).toBe('');
});

test('keys are grouped where that helps', () => {
  const named = (text: string): string[] => groups(page(text).documents).map((one) => `${one.name} ${one.documents.length}`);
  expect(named('a/1 a/2 b:1 c')).toEqual(['a/ 2', 'b: 1', ' 1']);
  expect(named('a/1 a/2')).toEqual([' 2']);
  expect(named('a/1 b/1')).toEqual([' 2']);
  expect(named('a b /c')).toEqual([' 3']);
  expect(named('')).toEqual([' 0']);
});
