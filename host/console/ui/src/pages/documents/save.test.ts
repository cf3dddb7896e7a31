// Names of files.
import { expect, test } from 'vitest';
import { address } from './call';
import { readDocument } from './document';
import { fileName } from './save';

test('a file has a name that every system takes', () => {
  expect(fileName('lists/a b:c', 'json')).toBe('lists-a-b-c.json');
  expect(fileName('../../etc/passwd', 'md')).toBe('etc-passwd.md');
  expect(fileName('纪要-2026', 'md')).toBe('纪要-2026.md');
  expect(fileName('///', 'json')).toBe('file.json');
  expect(fileName('x'.repeat(200), 'json')).toHaveLength(85);
});

test('options are escaped, and empty ones left out', () => {
  expect(address(['documents', 'value'], { key: 'a/b&c=d 中' })).toBe('/api/v1/documents/value?key=a%2Fb%26c%3Dd+%E4%B8%AD');
  expect(address(['archive', 'a/b'], { search: '', after: '' })).toBe('/api/v1/archive/a%2Fb');
});

test('a document is read with its version and its digits', () => {
  const read = readDocument('{"key":"a","version":7,"value":{"n":9007199254740993}}');
  expect(read).toEqual({ version: 7, value: { kind: 'object', members: [['n', { kind: 'number', text: '9007199254740993' }]] } });
});
