// What the server says of the text. Rule: its own sentences, each with a button that goes to its place.
import { count } from '../../words/format';
import { FailureNote, Own } from '../../parts/basics';
import type { Problem } from './problems';
import type { Verdict } from './use-editor';
import { words } from './words';

/** Findings that are listed. */
const LISTED = 50;

function saying(verdict: Verdict, changed: boolean): string {
  const w = words.value;
  switch (verdict.state) {
    case 'asking':
      return w.checking;
    case 'valid': {
      const n = verdict.checked.changed.length;
      return n === 0 ? w.validSame : w.valid(n, count(n));
    }
    case 'invalid':
      return w.invalid(verdict.problems.length, count(verdict.problems.length));
    case 'failed':
      return '';
    case 'none':
      return changed ? w.unchecked : w.same;
  }
}

const LOOK: Partial<Record<Verdict['state'], string>> = { valid: 'note good', invalid: 'note danger' };

function Finding({ problem, goTo }: { problem: Problem; goTo: (line: number, column: number) => void }) {
  const w = words.value;
  const { sentence, line, column } = problem;
  return (
    <li>
      {line !== null && (
        <button type="button" class="button quiet" onClick={() => goTo(line, column)}>
          {w.place(count(line), count(column))}
        </button>
      )}
      <span class="small finding">
        <Own>{sentence}</Own>
      </span>
    </li>
  );
}

export function Findings(props: { verdict: Verdict; changed: boolean; goTo: (line: number, column: number) => void }) {
  const w = words.value;
  const { verdict } = props;
  const problems = verdict.state === 'invalid' ? verdict.problems : [];
  return (
    <div class="stack tight">
      <p class={LOOK[verdict.state] ?? 'small muted'} role="status">
        {saying(verdict, props.changed)}
      </p>
      {verdict.state === 'failed' && <FailureNote failure={verdict.failure} />}
      {problems.length > 0 && (
        <ul class="findings" aria-label={w.findings}>
          {problems.slice(0, LISTED).map((problem, index) => (
            <Finding key={index} problem={problem} goTo={props.goTo} />
          ))}
        </ul>
      )}
      {problems.length > LISTED && <p class="small muted">{w.more(count(problems.length - LISTED))}</p>}
    </div>
  );
}
