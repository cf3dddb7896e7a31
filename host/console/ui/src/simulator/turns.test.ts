// Measures of turns: each kind of turn, and events that come twice, late or never.
import { describe, expect, it } from 'vitest';
import { measure, scale, stages, TURNS, type Measure, type Turn } from './turns';

const after = (...events: Measure[]): readonly Turn[] => events.reduce<readonly Turn[]>(measure, []);
const sent = (at: number): Measure => ({ type: 'sent', start: 'typed', at, text: 'hi' });
const understood = (at: number, speechEnd: number | null = null): Measure => ({
  type: 'understood',
  at,
  text: 'hi',
  speechEnd,
});

describe('turns', () => {
  it('measures a typed turn from the time of sending', () => {
    const turns = after(
      sent(100),
      understood(110),
      { type: 'answered', at: 400 },
      { type: 'sounded', at: 600 },
      { type: 'finished', at: 2000 },
    );
    expect(turns).toHaveLength(1);
    expect(turns[0]).toMatchObject({ id: 1, start: 'typed', end: 'answered' });
    expect(stages(turns[0] as Turn)).toEqual([
      { name: 'understood', from: 0, to: 10 },
      { name: 'answered', from: 10, to: 300 },
      { name: 'sounded', from: 300, to: 500 },
    ]);
  });

  it('measures a spoken turn from the end of speech', () => {
    const [turn] = after(understood(1700, 1000), { type: 'answered', at: 2000 });
    expect(turn).toMatchObject({ start: 'spoken', from: 1000, understood: 1700 });
    expect(after(understood(1700))[0]).toMatchObject({ from: 1700 });
    expect(after(understood(1700, 1900))[0]).toMatchObject({ from: 1700 });
  });

  it('counts only the first of each stage', () => {
    const [turn] = after(
      sent(0),
      understood(1),
      { type: 'answered', at: 2 },
      { type: 'answered', at: 9 },
      { type: 'sounded', at: 4 },
      { type: 'sounded', at: 9 },
    );
    expect(turn).toMatchObject({ answered: 2, sounded: 4 });
  });

  it('accepts a sound that is reported after the end', () => {
    const [turn] = after(sent(0), { type: 'answered', at: 2 }, { type: 'finished', at: 3 }, { type: 'sounded', at: 4 });
    expect(turn).toMatchObject({ sounded: 4, end: 'answered' });
  });

  it('takes speech that the server begins later for no answer', () => {
    expect(after(sent(0), { type: 'answered', at: 90_000 })[0]).toMatchObject({ answered: null });
    expect(after(sent(0), { type: 'answered', at: 1 }, { type: 'sounded', at: 90_000 })[0]).toMatchObject({
      sounded: null,
    });
  });

  it('tells the ends apart', () => {
    expect(after(sent(0), { type: 'aborted', at: 1 })[0]?.end).toBe('interrupted');
    expect(after(sent(0), { type: 'failed', at: 1, isHearing: false })[0]?.end).toBe('failed');
    expect(after(sent(0), { type: 'answered', at: 1 }, { type: 'failed', at: 2, isHearing: false })[0]?.end).toBeNull();
    expect(after(sent(0), { type: 'finished', at: 1 })[0]?.end).toBe('nothing');
    expect(after(sent(0), sent(1)).map((turn) => turn.end)).toEqual(['nothing', null]);
    expect(after(sent(0), { type: 'answered', at: 1 }, sent(2))[0]?.end).toBe('interrupted');
  });

  it('does not blame a typed turn for speech that was not understood', () => {
    expect(after(sent(0), { type: 'failed', at: 1, isHearing: true })[0]?.end).toBeNull();
    const spoken: Measure = { type: 'sent', start: 'spoken', at: 0, text: '' };
    expect(after(spoken, { type: 'failed', at: 1, isHearing: true })[0]?.end).toBe('failed');
  });

  it('ignores events without a turn', () => {
    for (const type of ['answered', 'sounded', 'finished', 'aborted'] as const) {
      expect(after({ type, at: 1 })).toEqual([]);
    }
  });

  it('keeps a bounded number', () => {
    const turns = after(...Array.from({ length: 40 }, (_, index) => sent(index)));
    expect(turns).toHaveLength(TURNS);
    expect(turns.at(-1)?.id).toBe(40);
  });

  it('names a scale that all turns fit', () => {
    expect(scale([])).toBe(500);
    expect(scale(after(sent(0), { type: 'answered', at: 501 }))).toBe(1000);
    expect(scale(after(sent(0), { type: 'answered', at: 41_000 }))).toBe(50_000);
  });
});
