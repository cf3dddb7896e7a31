// The router's addresses.
import { expect, test } from 'vitest';
import { hrefOf, parseRoute, type Route } from './route';

const ROUTES: Route[] = [
  { page: 'overview' },
  { page: 'devices' },
  { page: 'device', id: 'aa:bb:cc:dd:ee:ff' },
  { page: 'device', id: 'a/b?c#d %41 ü 设备' },
  { page: 'simulator' },
  { page: 'plugins' },
  { page: 'plugin', id: 'diary' },
  { page: 'configuration', search: '' },
  { page: 'configuration', search: 'llm.aliases.default' },
  { page: 'storage' },
  { page: 'archive', kind: '', id: '' },
  { page: 'archive', kind: 'notes', id: '' },
  { page: 'archive', kind: 'notes', id: '2026-12-02 a/b' },
  { page: 'documents', key: '' },
  { page: 'documents', key: 'lists/tasks/default' },
  { page: 'providers' },
  { page: 'logs' },
  { page: 'metrics' },
];

test('every address that is made is read again', () => {
  for (const route of ROUTES) expect(parseRoute(hrefOf(route))).toEqual(route);
});

test('the first page has several addresses', () => {
  for (const hash of ['', '#', '#/', '/', '#//']) expect(parseRoute(hash)).toEqual({ page: 'overview' });
});

test('a slash at the end does not matter', () => {
  expect(parseRoute('#/devices/')).toEqual({ page: 'devices' });
});

test('what cannot be read is a page that says so', () => {
  for (const hash of ['#/nowhere', '#/storage/x', '#/devices/a/b', '#/simulator/1', '#/logs/x', '#/archive/a/b/c', '#/documents/a/b', '#/devices/%E0%A4%A']) {
    expect(parseRoute(hash)).toEqual({ page: 'missing', hash });
  }
});
