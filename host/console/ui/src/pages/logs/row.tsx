// A line of the log or the audit, which opens to show all of it. Rule: what a line says is only ever text; its level is
// a word and a shape, and the colour comes on top.
import { useState } from 'preact/hooks';
import { hrefOf } from '../../app/route';
import { Facts } from '../../parts/basics';
import { words } from '../../words';
import { named } from '../../words/named';
import { clock, count, moment } from '../../words/format';
import { actOf, fieldsText, valueText } from './line-text';
import type { Entry, Line } from './tail';

const SIGNS: Readonly<Record<string, string>> = { error: '■', warn: '▲', info: '●', debug: '○', trace: '·' };
const OUTCOME_SIGNS: Readonly<Record<string, string>> = { ok: '●', failed: '▲', refused: '■' };

function Mark({ name, sign, word }: { name: string; sign: string | undefined; word: string | undefined }) {
  return (
    <span class={`level ${name}`}>
      <span aria-hidden="true">{sign ?? '·'}</span> {word ?? name}
    </span>
  );
}

/** A time of day; of another day, with its date. */
function When({ at }: { at: number }) {
  const isToday = new Date(at).toDateString() === new Date().toDateString();
  return (
    <time dateTime={new Date(at).toISOString()} title={moment(at)}>
      {isToday ? clock(at) : moment(at)}
    </time>
  );
}

function Value({ name, value }: { name: string; value: unknown }) {
  // Devices have pages; everything else is text.
  if (name === 'device' && typeof value === 'string' && value !== '') {
    return <a href={hrefOf({ page: 'device', id: value })}>{value}</a>;
  }
  return (
    <span lang="en" class="log-text">
      {valueText(value)}
    </span>
  );
}

function Whole({ line }: { line: Line }) {
  const w = words.value.logs;
  const fields = Object.entries(line.fields);
  return (
    <div class="log-whole">
      <Facts
        facts={[
          [w.at, `${moment(line.at)}, ${line.at % 1000}\u00a0ms`],
          [w.level, named(w.levels, line.level) ?? line.level],
          [w.module, <code>{line.target}</code>],
          [w.number, count(line.seq)],
        ]}
      />
      {fields.length === 0 ? (
        <p class="small muted">{w.noFields}</p>
      ) : (
        <table>
          <caption class="visually-hidden">{w.fields}</caption>
          <tbody>
            {fields.map(([name, value]) => (
              <tr key={name}>
                <th scope="row">
                  <code>{name}</code>
                </th>
                <td>
                  <Value name={name} value={value} />
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
    </div>
  );
}

function Said({ line }: { line: Line }) {
  const w = words.value.logs;
  const act = actOf(line);
  if (act) {
    return (
      <>
        <Mark
          name={`outcome-${act.outcome}`}
          sign={named(OUTCOME_SIGNS, act.outcome)}
          word={named(w.outcomes, act.outcome) ?? act.outcome}
        />
        <span lang="en" class="log-text message">
          <code>
            {act.method} {act.path}
          </code>
        </span>
        <span class="meta">{w.from(act.from)}</span>
      </>
    );
  }
  const more = fieldsText(line.fields);
  return (
    <>
      <Mark name={line.level} sign={named(SIGNS, line.level)} word={named(w.levels, line.level)} />
      <span lang="en" class="log-text message">
        {line.message}
      </span>
      <span lang="en" class="meta">
        {more !== '' && `${more} `}
        {line.target}
      </span>
    </>
  );
}

export interface RowProps {
  entry: Entry;
  /** Whether the Tab key goes to it. */
  isStop: boolean;
  opened: () => void;
  focused: (key: string) => void;
}

export function Row({ entry, isStop, opened, focused }: RowProps) {
  const w = words.value.logs;
  const [isOpen, setOpen] = useState(false);
  if (entry.kind !== 'line') {
    return (
      <li class="log-gap" data-key={entry.key}>
        {entry.kind === 'missed' ? w.missed(entry.lines, count(entry.lines)) : w.restarted}
      </li>
    );
  }
  return (
    <li data-key={entry.key}>
      <details
        onToggle={(event) => {
          setOpen(event.currentTarget.open);
          if (event.currentTarget.open) opened();
        }}
      >
        <summary tabIndex={isStop ? 0 : -1} onFocus={() => focused(entry.key)}>
          <When at={entry.line.at} />
          <Said line={entry.line} />
        </summary>
        {isOpen && <Whole line={entry.line} />}
      </details>
    </li>
  );
}
