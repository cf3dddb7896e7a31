// Finished work as data: pages put together, searches that go on, found words. Rule: pure but for what it is given to
// ask with; bounded.
export interface Kind {
  kind: string;
  entries: number;
}

export interface Entry {
  id: string;
  title: string;
  at: number;
  device: string | null;
  excerpt: string | null;
}

export interface EntryPage {
  entries: Entry[];
  next: string | null;
  searched: number;
}

/** Entries that are kept; older ones push the newest out. */
export const ENTRIES_KEPT = 500;
/** Pages that a search looks at by itself until it has found something. */
export const PAGES_BY_ITSELF = 5;

export interface Listing extends EntryPage {
  /** How many of the newest are no longer kept. */
  dropped: number;
}

/** A list with the page behind it. What came twice, since something was archived meanwhile, stands once. */
export function extended(before: Listing | null, page: EntryPage): Listing {
  const known = new Set(before?.entries.map((one) => one.id));
  const all = [...(before?.entries ?? []), ...page.entries.filter((one) => !known.has(one.id))];
  const over = Math.max(0, all.length - ENTRIES_KEPT);
  return {
    entries: all.slice(over),
    next: page.next,
    searched: (before?.searched ?? 0) + page.searched,
    dropped: (before?.dropped ?? 0) + over,
  };
}

/** The next entries: asks page after page until one has entries, none is left, or it was asked often enough. */
export async function gather(ask: (after: string) => Promise<EntryPage>, after: string): Promise<EntryPage> {
  let from = after;
  let searched = 0;
  for (let asked = 1; ; asked += 1) {
    const page = await ask(from);
    searched += page.searched;
    // A server that does not move on would be asked for the same again.
    const ends = page.next === null || page.next === from;
    if (page.entries.length > 0 || ends || asked >= PAGES_BY_ITSELF) {
      return { entries: page.entries, next: page.next === from ? null : page.next, searched };
    }
    from = page.next ?? '';
  }
}

export interface Piece {
  text: string;
  found: boolean;
}

/** A text in pieces, the ones that were searched for apart. In lower case a text may have another length. */
export function marked(text: string, search: string): Piece[] {
  const needle = lowered(search.trim().replace(/\s+/g, ' ')).text;
  if (needle === '' || text === '') return text === '' ? [] : [{ text, found: false }];
  const hay = lowered(text);
  const pieces: Piece[] = [];
  let done = 0;
  for (let at = hay.text.indexOf(needle); at >= 0; at = hay.text.indexOf(needle, at + needle.length)) {
    const from = hay.from[at] ?? 0;
    const end = hay.end[at + needle.length - 1] ?? text.length;
    if (from < done) continue;
    if (from > done) pieces.push({ text: text.slice(done, from), found: false });
    pieces.push({ text: text.slice(from, end), found: true });
    done = end;
  }
  if (done < text.length) pieces.push({ text: text.slice(done), found: false });
  return pieces;
}

/** A text in lower case, with where each of its units begins and ends in the text as it was. */
function lowered(text: string): { text: string; from: number[]; end: number[] } {
  const from: number[] = [];
  const end: number[] = [];
  let lower = '';
  let at = 0;
  for (const sign of text) {
    const low = sign.toLowerCase();
    for (let unit = 0; unit < low.length; unit += 1) {
      from.push(at);
      end.push(at + sign.length);
    }
    lower += low;
    at += sign.length;
  }
  return { text: lower, from, end };
}
