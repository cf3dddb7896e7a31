// A chart with its heading, its values in words and as a table. Rule: who does not see the drawing misses nothing: the
// newest value, the least and the greatest are text, and each value is in the table.
import { useId, useMemo, useState } from 'preact/hooks';
import { words } from '../../words';
import { named } from '../../words/named';
import { clock, count } from '../../words/format';
import { aligned, type Planned, reading, rowsOf, type Series } from './figures';
import type { Look } from './look';
import { type Data, Plot, pointed } from './plot';
import { sampleAt } from './scale';
import { shown } from './units';

const ROWS_SHOWN = 30;

interface ReadingProps {
  series: Series;
  values: readonly (number | null)[];
  times: readonly number[];
  place: number;
  /** Whether its name says more than the heading. */
  isNamed: boolean;
  isCounted: boolean;
}

/** The value of a figure, now or at the moment that is pointed at. */
function ReadingOf({ series, values, times, place, isNamed, isCounted }: ReadingProps) {
  const w = words.value.metrics;
  const known = useMemo(() => reading(values), [values]);
  const at = sampleAt(times, pointed.value);
  const { unit } = series;
  let value: number | null = null;
  let when: string = w.unmeasured;
  if (at >= 0) {
    value = values[at] ?? null;
    when = w.at(clock((times[at] ?? 0) * 1000));
  } else if (known) {
    value = values[known.lastAt] ?? null;
    when = known.last === null ? w.lastAt(clock((times[known.lastAt] ?? 0) * 1000)) : w.now;
  }
  return (
    <li class={place === 0 ? 'reading' : 'reading second'}>
      {isNamed && <span class="reading-name">{named(w.names, series.name) ?? series.name}</span>}
      <span class="reading-value">
        <strong>{value === null ? '–' : shown(value, unit)}</strong> <span class="muted small">{when}</span>
      </span>
      {known && (
        <span class="muted small reading-range">
          {isCounted
            ? w.rangeOf(shown(known.least, unit), shown(known.most, unit), shown(known.sum, unit))
            : w.range(shown(known.least, unit), shown(known.most, unit))}
        </span>
      )}
    </li>
  );
}

interface ValuesProps {
  title: string;
  plan: Planned;
  times: readonly number[];
  columns: readonly (readonly (number | null)[])[];
}

/** The newest values as a table. */
function Values({ title, plan, times, columns }: ValuesProps) {
  const w = words.value.metrics;
  const [open, setOpen] = useState(false);
  const [rows, setRows] = useState(ROWS_SHOWN);
  const left = Math.min(times.length - rows, ROWS_SHOWN * 3);
  return (
    <details onToggle={(event) => setOpen(event.currentTarget.open)}>
      <summary class="small">{w.values}</summary>
      {open && (
        <div class="values" tabIndex={0} role="group" aria-label={w.valuesOf(title)}>
          <table>
            <thead>
              <tr>
                <th scope="col">{w.time}</th>
                {plan.series.map((one) => (
                  <th key={one.name} scope="col" class="end">
                    {named(w.names, one.name) ?? one.name}
                  </th>
                ))}
              </tr>
            </thead>
            <tbody>
              {rowsOf(times, columns, rows).map((row) => (
                <tr key={row.at}>
                  <th scope="row">{clock(row.at * 1000)}</th>
                  {row.values.map((value, at) => (
                    <td key={at} class="end">
                      {value === null ? '–' : shown(value, plan.series[at]?.unit ?? '')}
                    </td>
                  ))}
                </tr>
              ))}
            </tbody>
          </table>
          {left > 0 && (
            <button type="button" class="button quiet" onClick={() => setRows(rows + left)}>
              {w.more(count(left))}
            </button>
          )}
        </div>
      )}
    </details>
  );
}

export function Card({ plan, times, look }: { plan: Planned; times: readonly number[]; look: Look }) {
  const w = words.value.metrics;
  const heading = useId();
  const texts: Readonly<Record<string, { title: string; text: string }>> = w.charts;
  const own = Object.hasOwn(texts, plan.name) ? texts[plan.name] : undefined;
  const title = own?.title ?? plan.name;
  const columns = useMemo(() => plan.series.map((one) => aligned(one.values, times.length)), [plan, times]);
  const data = useMemo((): Data => [[...times], ...columns], [times, columns]);
  return (
    <section class="panel chart" aria-labelledby={heading}>
      <div class="stack tight">
        <h3 id={heading}>{title}</h3>
        {own && <p class="small muted">{own.text}</p>}
      </div>
      <ul class="readings">
        {plan.series.map((series, place) => (
          <ReadingOf
            key={series.name}
            series={series}
            values={columns[place] ?? []}
            times={times}
            place={place}
            isNamed={plan.series.length > 1}
            isCounted={plan.shape === 'bars'}
          />
        ))}
      </ul>
      <Plot plan={plan} data={data} look={look} />
      <Values title={title} plan={plan} times={times} columns={columns} />
    </section>
  );
}
