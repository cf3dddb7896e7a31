// Files of a plugin that somebody chooses.
import { expect, test } from 'vitest';
import { base64, chosen, grantsYaml, MOST_BYTES } from './upload';

const file = (name: string, size = 10) => ({ name, size });

test('a plugin is taken, with its signature if there is one', () => {
  const [plugin, signature] = [file('a.wasm', MOST_BYTES), file('A.WASM.MINISIG')];
  expect(chosen([plugin])).toEqual({ plugin, signature: null });
  expect(chosen([signature, plugin])).toEqual({ plugin, signature });
});

test('what the server would refuse is not sent', () => {
  expect(chosen([])).toEqual({ why: 'noWasm' });
  expect(chosen([file('a.minisig')])).toEqual({ why: 'noWasm' });
  expect(chosen([file('a.wasm'), file('b.wasm')])).toEqual({ why: 'several' });
  expect(chosen([file('a.wasm'), file('notes.txt')])).toEqual({ why: 'foreign', name: 'notes.txt' });
  expect(chosen([file('a.wasm', 0)])).toEqual({ why: 'empty', name: 'a.wasm' });
  expect(chosen([file('a.wasm', MOST_BYTES + 1)])).toMatchObject({ why: 'tooLarge', name: 'a.wasm' });
  expect(chosen([file('a.wasm'), file('a.minisig', 100_000)])).toMatchObject({ why: 'tooLarge', name: 'a.minisig' });
});

test('bytes become base64', () => {
  expect(base64(new Uint8Array([0, 255, 65, 10]))).toBe('AP9BCg==');
  expect(base64(new Uint8Array())).toBe('');
});

test('what is to be written is YAML', () => {
  expect(grantsYaml('diary', ['model', 'documents:diary/', 'switch-mode', 'hook:*'])).toBe(
    'plugins:\n  grants:\n    diary: [model, "documents:diary/", switch-mode, "hook:*"]\n',
  );
  expect(grantsYaml('on', ['null'])).toBe('plugins:\n  grants:\n    "on": ["null"]\n');
});
