// How long until people hear an answer: p50 and p99 for each stage, and the last turns as bars. Rule: only turns that
// this page has seen; it says how many these are.
import { feedAbsent, figures, turns } from '../../api/feed';
import { Panel } from '../../parts/basics';
import { summarise } from '../../parts/stages';
import { Legend, Waterfall } from '../../parts/waterfall';
import { words } from '../../words';
import { count, ms, sentences } from '../../words/format';

const SHOWN = 12;

export function FirstSound() {
  const w = words.value.turns;
  const seen = turns.value;
  const leftOut = figures.value?.turns_left_out ?? 0;
  if (seen.length === 0) {
    return (
      <Panel title={w.title}>
        <p class="muted">{feedAbsent.value ? w.absent : w.none}</p>
      </Panel>
    );
  }
  return (
    <Panel title={w.title} aside={<Legend />}>
      <p class="muted small">
        {sentences(w.text, w.over(seen.length, count(seen.length)), leftOut > 0 ? w.leftOut(count(leftOut)) : '')}
      </p>
      <table class="summary">
        <thead>
          <tr>
            <th scope="col">{w.stage}</th>
            <th scope="col" class="end">
              {w.half}
            </th>
            <th scope="col" class="end">
              {w.most}
            </th>
            <th scope="col" class="end">
              {w.counted}
            </th>
          </tr>
        </thead>
        <tbody>
          {summarise(seen).map((one) => (
            <tr key={one.name} class={one.name}>
              <th scope="row">{w[one.name]}</th>
              <td class="end">{one.half === null ? '–' : ms(one.half)}</td>
              <td class="end">{one.most === null ? '–' : ms(one.most)}</td>
              <td class="end">{count(one.count)}</td>
            </tr>
          ))}
        </tbody>
      </table>
      <Waterfall turns={seen.slice(-SHOWN)} caption={w.last} />
    </Panel>
  );
}
