// My changes on top of somebody else's. Rule: pure; what only one of both has changed is taken, where both have changed the
// same lines mine stand, and a secret is carried over only where it is the same one.
import { Chunk } from '@codemirror/merge';
import { Text } from '@codemirror/state';
import { carriedOver } from './secrets';

export interface Onto {
  text: string;
  /** In how many places both had changed the same lines. */
  both: number;
}

interface Change {
  mine: boolean;
  from: number;
  to: number;
  /** By how much the text after it moves. */
  moves: number;
}

function changes(base: string, text: string, mine: boolean): Change[] {
  const [a, b] = [base, text].map((one) => Text.of(one.split('\n')));
  if (!a || !b) return [];
  return Chunk.build(a, b).map(({ fromA, toA, fromB, toB }) => ({ mine, from: fromA, to: toA, moves: toB - fromB - (toA - fromA) }));
}

/** A text with my changes of `base` in `theirs`; null if they hold secrets that do not stand there. */
export function onto(base: string, mine: string, theirs: string): Onto | null {
  // With a line break at the end of each, changes are whole lines.
  const [whole, myLines, theirLines] = [`${base}\n`, `${mine}\n`, `${theirs}\n`];
  const all = [...changes(base, mine, true), ...changes(base, theirs, false)].sort((x, y) => x.from - y.from || x.to - y.to);
  let [text, done, myMove, theirMove, both] = ['', 0, 0, 0, 0];
  for (let at = 0; at < all.length; ) {
    const from = all[at]?.from ?? 0;
    let to = from;
    const touching: Change[] = [];
    for (let one = all[at]; one && (touching.length === 0 || one.from <= to); one = all[at]) {
      touching.push(one);
      to = Math.max(to, one.to);
      at += 1;
    }
    text += whole.slice(done, from);
    const moved = (isMine: boolean): number =>
      touching.reduce((sum, one) => sum + (one.mine === isMine ? one.moves : 0), 0);
    const my = myLines.slice(from + myMove, to + myMove + moved(true));
    const their = theirLines.slice(from + theirMove, to + theirMove + moved(false));
    myMove += moved(true);
    theirMove += moved(false);
    done = to;
    if (!touching.some((one) => one.mine)) {
      text += their;
      continue;
    }
    const carried = carriedOver(my, base, theirs);
    if (carried === null) return null;
    text += carried;
    if (touching.some((one) => !one.mine) && carried !== their) both += 1;
  }
  text += whole.slice(done);
  return { text: text.slice(0, -1), both };
}
