// Order and search of the list of devices. Rule: pure, and fast enough for ten thousand at each key press.
import type { Session } from '../api/types';

/** Connected ones first, then by id. */
export function sorted(sessions: readonly Session[]): Session[] {
  return [...sessions].sort((a, b) => {
    if (a.connected !== b.connected) return a.connected ? -1 : 1;
    return a.device < b.device ? -1 : a.device > b.device ? 1 : 0;
  });
}

/** Those whose id contains the text; separators of MAC addresses may be left out. */
export function matching(sessions: Session[], text: string): Session[] {
  const wanted = text.trim().toLowerCase();
  if (wanted === '') return sessions;
  const bare = wanted.replace(/[:-]/g, '');
  return sessions.filter((one) => {
    const id = one.device.toLowerCase();
    return id.includes(wanted) || (bare !== '' && id.replace(/[:-]/g, '').includes(bare));
  });
}
