// What the server says of the configuration's file. Rule: each call is one request, and is never repeated by itself; that
// somebody else has changed the file is known by its version alone.
import { useEffect, useState } from 'preact/hooks';
import { ApiError, path, send } from '../../api/client';
import type { Schema } from './schema';
import { hasCarriageReturns, toPage, toServer } from './text';
import type { Checked, ConfigFile, Written } from './types';

/** A file as the page works with it. */
export interface PageFile extends ConfigFile {
  carriageReturns: boolean;
}

const FILE = path('config', 'file');

/** The failure of a call, whatever was thrown. */
export function failureOf(error: unknown): ApiError {
  return error instanceof ApiError ? error : new ApiError(0, '');
}

/** The file as it is now. */
export async function fetchFile(signal?: AbortSignal): Promise<PageFile> {
  const response = await send(FILE, { aside: true, ...(signal ? { signal } : {}) });
  const file = (await response.json()) as ConfigFile;
  return { ...file, text: toPage(file.text), carriageReturns: hasCarriageReturns(file.text) };
}

/** What a text would change. */
export async function check(file: PageFile, text: string, signal?: AbortSignal): Promise<Checked> {
  const json = { text: toServer(text, file.carriageReturns), version: file.version };
  const response = await send(`${FILE}/check`, { method: 'POST', json, ...(signal ? { signal } : {}) });
  return (await response.json()) as Checked;
}

/** Writes a text and applies it. */
export async function write(file: PageFile, text: string): Promise<Written> {
  const json = { text: toServer(text, file.carriageReturns), version: file.version };
  const response = await send(FILE, { method: 'PUT', json });
  return (await response.json()) as Written;
}

/** The schema, once it is there. Without it nothing is completed, and all else works. */
export function useSchema(): Schema | null {
  const [schema, setSchema] = useState<Schema | null>(null);
  useEffect(() => {
    const closed = new AbortController();
    send(path('config', 'schema'), { aside: true, signal: closed.signal })
      .then((response) => response.json())
      .then((known: unknown) => {
        if (typeof known === 'object' && known !== null) setSchema(known as Schema);
      })
      .catch(() => undefined);
    return () => closed.abort();
  }, []);
  return schema;
}
