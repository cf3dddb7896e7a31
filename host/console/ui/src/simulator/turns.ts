// Measures of turns, taken in the page: from the end of what the person said or sent to the text of it, to the first
// words of the answer, to the first sound that is heard. Rule: pure; a list of turns and an event give a new list.

export type TurnStart = 'spoken' | 'typed' | 'wake_word';
export type TurnEnd = 'answered' | 'interrupted' | 'failed' | 'nothing';

/** One turn. All times are ms of one clock; a stage that has not been reached is `null`. */
export interface Turn {
  readonly id: number;
  readonly start: TurnStart;
  /** The end of speech, or the time of sending. */
  readonly from: number;
  readonly text: string;
  readonly understood: number | null;
  readonly answered: number | null;
  readonly sounded: number | null;
  readonly end: TurnEnd | null;
}

export type Measure =
  | { readonly type: 'sent'; readonly start: TurnStart; readonly at: number; readonly text: string }
  /** `speechEnd`: when the microphone was last loud, if speech was heard here. */
  | { readonly type: 'understood'; readonly at: number; readonly text: string; readonly speechEnd: number | null }
  /** `isHearing`: speech could not be understood, which says nothing of a turn that was typed. */
  | { readonly type: 'failed'; readonly at: number; readonly isHearing: boolean }
  | { readonly type: 'answered' | 'sounded' | 'finished' | 'aborted'; readonly at: number };

/** The stages of a turn, in ms from its start; what has not been reached is missing. */
export interface Stage {
  readonly name: 'understood' | 'answered' | 'sounded';
  readonly from: number;
  readonly to: number;
}

/** Turns that are kept. */
export const TURNS = 12;

/** What is said later than this is no answer: the server may begin to speak by itself. */
const LONGEST_MS = 60_000;

/** The list after an event. */
export function measure(turns: readonly Turn[], event: Measure): readonly Turn[] {
  const last = turns.at(-1);
  const open = last && last.end === null ? last : null;
  switch (event.type) {
    case 'sent':
      return append(turns, { start: event.start, from: event.at, text: event.text, understood: null });
    case 'understood':
      if (open && open.understood === null && open.answered === null) {
        return change(turns, open, { understood: Math.max(event.at, open.from), text: event.text });
      }
      return append(turns, {
        start: 'spoken',
        from: Math.min(event.speechEnd ?? event.at, event.at),
        text: event.text,
        understood: event.at,
      });
    case 'answered':
      return open && open.answered === null && event.at - open.from < LONGEST_MS
        ? change(turns, open, { answered: event.at })
        : turns;
    case 'sounded':
      // The player reports the sound a moment after it was asked to play: a turn that is over already counts too.
      return last &&
        last.sounded === null &&
        last.answered !== null &&
        event.at - last.answered < LONGEST_MS &&
        last.end !== 'interrupted'
        ? change(turns, last, { sounded: event.at })
        : turns;
    case 'finished':
      return open
        ? change(turns, open, { end: open.answered === null && open.sounded === null ? 'nothing' : 'answered' })
        : turns;
    case 'aborted':
      return open ? change(turns, open, { end: 'interrupted' }) : turns;
    case 'failed':
      // An error that comes while the answer is being spoken is one of something else.
      return open && open.answered === null && (open.start === 'spoken' || !event.isHearing)
        ? change(turns, open, { end: 'failed' })
        : turns;
  }
}

/** The stages of a turn, each from the one before. */
export function stages(turn: Turn): readonly Stage[] {
  const reached: Stage[] = [];
  let from = 0;
  for (const name of ['understood', 'answered', 'sounded'] as const) {
    const at = turn[name];
    if (at === null) continue;
    const to = Math.max(from, at - turn.from);
    reached.push({ name, from, to });
    from = to;
  }
  return reached;
}

/** The length of the longest turn, rounded up to a number that an axis can bear; at least half a second. */
export function scale(turns: readonly Turn[]): number {
  const longest = Math.max(0, ...turns.map((turn) => stages(turn).at(-1)?.to ?? 0));
  const steps = [500, 1_000, 2_000, 3_000, 5_000, 10_000, 20_000, 30_000];
  return steps.find((step) => longest <= step) ?? Math.ceil(longest / 10_000) * 10_000;
}

function append(turns: readonly Turn[], turn: Pick<Turn, 'start' | 'from' | 'text' | 'understood'>): readonly Turn[] {
  const last = turns.at(-1);
  // A turn that nothing has followed: nobody waits for it any longer.
  const before =
    last && last.end === null
      ? change(turns, last, { end: last.answered === null ? 'nothing' : 'interrupted' })
      : turns;
  const added: Turn = { ...turn, id: (last?.id ?? 0) + 1, answered: null, sounded: null, end: null };
  return [...before, added].slice(-TURNS);
}

function change(turns: readonly Turn[], turn: Turn, members: Partial<Turn>): readonly Turn[] {
  return turns.map((one) => (one === turn ? { ...one, ...members } : one));
}
