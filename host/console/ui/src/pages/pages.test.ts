// What pages do with their data: devices, settings, remedies.
import { expect, test } from 'vitest';
import { isToken } from '../app/sign-in';
import type { Session, Setting } from '../api/types';
import { matching, sorted } from './device-list';
import { isLocalOnly, remedyFor } from './overview/remedies';
import { bySection, matchingSettings, valueText } from './settings';

const session = (device: string, connected: boolean): Session => ({ device, connected, live_instances: 0 });

test('connected devices come first, then by id', () => {
  const all = sorted([session('c', false), session('b', true), session('a', false), session('d', true)]);
  expect(all.map((one) => one.device).join('')).toBe('bdac');
});

test('devices are found by a part of their id, with or without separators', () => {
  const all = [session('aa:bb:cc:00:11:22', true), session('dev-1', true)];
  expect(matching(all, ' BB:CC ')).toHaveLength(1);
  expect(matching(all, 'bbcc00')).toHaveLength(1);
  expect(matching(all, 'dev-')).toHaveLength(1);
  expect(matching(all, ':')).toHaveLength(1);
  expect(matching(all, '')).toBe(all);
  expect(matching(all, 'zz')).toHaveLength(0);
});

test('ten thousand devices are sorted and searched within a frame or two', () => {
  const many = Array.from({ length: 10_000 }, (_, index) => session(`device-${(index * 7919) % 10_000}`, index % 2 === 0));
  const began = performance.now();
  expect(matching(sorted(many), '999').length).toBeGreaterThan(0);
  expect(performance.now() - began).toBeLessThan(200);
});

const setting = (name: string, value: Setting['value'], origin = 'default'): Setting => ({
  setting: name,
  value,
  origin,
  waits_for_restart: false,
});

test('settings are found by name, value and origin, and grouped by section', () => {
  const all = [setting('asr.provider', 'none'), setting('server.port', 8104, 'c.yaml:1'), setting('server.tls', null)];
  expect(matchingSettings(all, 'server', false)).toHaveLength(2);
  expect(matchingSettings(all, 'PORT 8104', false)).toHaveLength(1);
  expect(matchingSettings(all, 'c.yaml', false)).toHaveLength(1);
  expect(matchingSettings(all, '', true).map((one) => one.setting)).toEqual(['server.port']);
  expect(bySection(all).map((one) => `${one.name} ${one.settings.length}`)).toEqual(['asr 1', 'server 2']);
  expect(valueText({ a: [1] })).toBe('{"a":[1]}');
});

test('there is something to write for each part that may be missing', () => {
  for (const code of ['model', 'recogniser', 'voice']) {
    const yaml = remedyFor(code) ?? '';
    expect(yaml).toMatch(/^[a-z]+:\n( {2,}[a-z_]+:.*\n)+$/);
  }
  expect(remedyFor('something else')).toBeNull();
  expect(remedyFor('constructor')).toBeNull();
});

test('an address of this machine only is known as such', () => {
  for (const url of ['http://localhost:8003/x', 'http://127.0.0.1:1/', 'http://[::1]:8003/']) expect(isLocalOnly(url)).toBe(true);
  for (const url of ['http://box.lan/', 'http://192.168.1.9:8003/', 'no address']) expect(isLocalOnly(url)).toBe(false);
});

test('a token is what a header can carry', () => {
  expect(isToken('a-long-secret')).toBe(true);
  for (const text of ['', 'a b', '密钥', 'a\n']) expect(isToken(text)).toBe(false);
});
