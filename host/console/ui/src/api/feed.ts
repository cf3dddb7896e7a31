// The feed of the whole server: figures, turns and plugins as they change. Rule: one stream for all pages, closed while
// the page has been hidden for a minute; turns are shown four times a second at most; a server without the feed is
// asked for its status instead.
import { batch, signal } from '@preact/signals';
import { ApiError, get, path } from './client';
import { keepOpen, pause, pauseBefore } from './stream';
import { type Swap, swapsBetween } from './swaps';
import type { DeviceTurn, FeedLine, Figures, Generation, Status } from './types';

export type LinkState = 'connecting' | 'live' | 'lost';

/** Whether the server answers. */
export const link = signal<LinkState>('connecting');
/** Whether this server has no feed. */
export const feedAbsent = signal(false);
/** The figures; null before the first ones. */
export const figures = signal<Figures | null>(null);
/** The last turns, oldest first. */
export const turns = signal<DeviceTurn[]>([]);
/** All generations; null before the first list. */
export const plugins = signal<Generation[] | null>(null);
/** Swaps that this page has seen, newest first. */
export const swaps = signal<Swap[]>([]);

const TURNS_KEPT = 500;
const SWAPS_KEPT = 20;
const TURNS_EVERY_MS = 250;
const STATUS_EVERY_MS = 5_000;
const HIDDEN_MS = 60_000;

let waiting: DeviceTurn[] = [];
let timer: ReturnType<typeof setTimeout> | null = null;

/** Adds turns that are not known yet; the result is in the order of their starts, and bounded. */
export function mergeTurns(known: DeviceTurn[], more: DeviceTurn[], kept: number = TURNS_KEPT): DeviceTurn[] {
  const name = (one: DeviceTurn): string => `${one.device} ${one.turn} ${one.at}`;
  const names = new Set(known.map(name));
  const fresh = more.filter((one) => !names.has(name(one)));
  if (fresh.length === 0) return known;
  return [...known, ...fresh].sort((a, b) => a.at - b.at).slice(-kept);
}

/** Shows turns, together with others of the same quarter of a second. */
export function addTurns(more: DeviceTurn[]): void {
  waiting.push(...more);
  timer ??= setTimeout(() => {
    timer = null;
    turns.value = mergeTurns(turns.value, waiting);
    waiting = [];
  }, TURNS_EVERY_MS);
}

/** Takes a list of plugins, and sees what was swapped since the last one. */
export function setPlugins(list: Generation[]): void {
  batch(() => {
    const before = plugins.value;
    if (before) {
      const seen = swapsBetween(before, list, Date.now());
      if (seen.length > 0) swaps.value = [...seen, ...swaps.value].slice(0, SWAPS_KEPT);
    }
    plugins.value = list;
  });
}

function show(value: object): void {
  const line = value as FeedLine;
  if (line.type === 'overview') figures.value = line;
  else if (line.type === 'turn') addTurns([{ ...line.record, device: line.device }]);
  else if (line.type === 'plugins') setPlugins(line.plugins);
}

/** Opens the feed; the returned function closes it. */
export function startFeed(): () => void {
  let close: (() => void) | null = null;
  let hidden: ReturnType<typeof setTimeout> | null = null;
  const open = (): void => {
    close ??= openOnce();
  };
  const visibility = (): void => {
    if (hidden) clearTimeout(hidden);
    hidden = null;
    if (!document.hidden) return open();
    hidden = setTimeout(() => {
      close?.();
      close = null;
    }, HIDDEN_MS);
  };
  document.addEventListener('visibilitychange', visibility);
  open();
  return () => {
    document.removeEventListener('visibilitychange', visibility);
    if (hidden) clearTimeout(hidden);
    close?.();
  };
}

function openOnce(): () => void {
  const closed = new AbortController();
  const connect = (): void => {
    if (closed.signal.aborted) return;
    const close = keepOpen({
      path: path('feed'),
      show,
      state: (state) => {
        feedAbsent.value = state === 'absent';
        if (state === 'absent') void poll(closed.signal).then(connect);
        else if (state !== 'ended') link.value = state === 'connecting' ? link.value : state;
      },
    });
    closed.signal.addEventListener('abort', close);
  };
  connect();
  return () => closed.abort();
}

// Without a feed: is the server there, and with which plugins? Returns after it was away, since another may be back.
async function poll(closed: AbortSignal): Promise<void> {
  let attempt = 0;
  while (!closed.aborted) {
    try {
      await get<Status>(path('status'), closed);
      setPlugins(await get<Generation[]>(path('plugins'), closed));
      link.value = 'live';
      if (attempt > 0) return;
      await pause(STATUS_EVERY_MS, closed);
    } catch (error) {
      if (closed.aborted || (error instanceof ApiError && error.status === 401)) return;
      link.value = 'lost';
      await pause(pauseBefore(attempt), closed);
      attempt += 1;
    }
  }
}
