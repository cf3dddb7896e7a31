// Calls of /api/v1. Rule: one place sends the token, which lives in memory only; every failure is an ApiError with the
// server's own sentence, and 401 and 403 also reach the frame around the pages.
import { signal } from '@preact/signals';
import { asked, namesOf, toNode } from './node';

/** The operators' token of this page; never stored. */
export const token = signal<string | null>(null);

export type Access = { state: 'open' } | { state: 'sign-in'; wrong: boolean } | { state: 'refused'; sentence: string };

/** Whether the server lets this page call it. */
export const access = signal<Access>({ state: 'open' });

/** A call that did not succeed. Status 0: the server did not answer. */
export class ApiError extends Error {
  constructor(
    readonly status: number,
    readonly sentence: string,
    readonly problems: string[] = [],
  ) {
    super(sentence || `status ${status}`);
    this.name = 'ApiError';
  }
}

export interface Call {
  method?: 'GET' | 'POST' | 'PUT' | 'DELETE';
  json?: unknown;
  yaml?: string;
  /** A body as it is; its type says what it is, or it is sent as bytes. */
  bytes?: Blob;
  headers?: Readonly<Record<string, string>>;
  /** A refusal concerns only what asks here, not the whole page. */
  aside?: boolean;
  signal?: AbortSignal;
}

/** The path of something under /api/v1, with every part escaped. */
export function path(...parts: string[]): string {
  return `/api/v1/${parts.map(encodeURIComponent).join('/')}`;
}

/** Sends a request; an answer other than 2xx is thrown as an ApiError. */
export async function send(target: string, call: Call = {}): Promise<Response> {
  const sent = token.value;
  const headers = new Headers({ accept: 'application/json', ...call.headers });
  if (sent !== null) headers.set('authorization', `Bearer ${sent}`);
  if (call.json !== undefined) headers.set('content-type', 'application/json');
  if (call.yaml !== undefined) headers.set('content-type', 'application/yaml');
  if (call.bytes !== undefined) headers.set('content-type', call.bytes.type || 'application/octet-stream');
  const init: RequestInit = { method: call.method ?? 'GET', headers, cache: 'no-store', credentials: 'omit' };
  if (call.json !== undefined) init.body = JSON.stringify(call.json);
  if (call.yaml !== undefined) init.body = call.yaml;
  if (call.bytes !== undefined) init.body = call.bytes;
  if (call.signal) init.signal = call.signal;
  let response: Response;
  try {
    response = await fetch(toNode(target, asked.peek()), init);
  } catch (error) {
    if (call.signal?.aborted) throw error;
    throw new ApiError(0, '');
  }
  if (response.ok) return response;
  const failure = await failureOf(response);
  // Who may not change something may still read: only a refused GET concerns the page.
  // An answer to a token that has been replaced meanwhile says nothing about the new one.
  if (token.value === sent) {
    if (failure.status === 401) {
      token.value = null;
      access.value = { state: 'sign-in', wrong: sent !== null };
    } else if (failure.status === 403 && init.method === 'GET' && !call.aside) {
      access.value = { state: 'refused', sentence: failure.sentence };
    }
  }
  throw failure;
}

async function failureOf(response: Response): Promise<ApiError> {
  let body: unknown;
  try {
    body = await response.json();
  } catch {
    body = null;
  }
  if (typeof body !== 'object' || body === null) return new ApiError(response.status, '');
  const { error, problems } = body as { error?: unknown; problems?: unknown };
  const list = Array.isArray(problems) ? problems.filter((one): one is string => typeof one === 'string') : [];
  return new ApiError(response.status, typeof error === 'string' ? error : '', list);
}

/** GET, as JSON. */
export async function get<T>(target: string, signal?: AbortSignal): Promise<T> {
  const response = await send(target, signal ? { signal } : {});
  return (await response.json()) as T;
}

export interface Answer {
  /** Its JSON. */
  text: string;
  /** Nodes whose rows are missing in it. */
  unanswered: string[];
}

/** GET, as the text of its JSON, with the nodes that have not answered. */
export async function getAnswer(target: string, signal?: AbortSignal): Promise<Answer> {
  const response = await send(target, signal ? { signal } : {});
  return { text: await response.text(), unanswered: namesOf(response.headers.get('modehost-unanswered')) };
}

/** POST, as JSON in both directions. */
export async function post<T>(target: string, json?: unknown): Promise<T> {
  const response = await send(target, { method: 'POST', json });
  return (await response.json()) as T;
}

/** Begins with another token, or again without one. */
export function signIn(next: string | null): void {
  token.value = next;
  access.value = { state: 'open' };
}
