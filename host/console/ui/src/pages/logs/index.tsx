// The log of the server and the audit of its operators. Rule: another filter or node begins anew; the server alone looks for
// lines, once one has stopped typing.
import { useEffect, useRef, useState } from 'preact/hooks';
import { asked } from '../../api/node';
import type { Route } from '../../app/route';
import { hrefOf } from '../../app/route';
import { PageHead } from '../../parts/basics';
import { words } from '../../words';
import { Lines } from './lines';
import './logs.css';
import type { Source } from './use-tail';

const TYPING_MS = 500;

const TABS = [
  ['log', 'logs'],
  ['audit', 'audit'],
] as const satisfies readonly (readonly [string, Source])[];

const LEAST = ['all', 'debug', 'info', 'warn', 'error'] as const;
type Least = (typeof LEAST)[number];

interface Filter {
  least: Least;
  search: string;
}

function Tabs({ chosen, choose }: { chosen: Source; choose: (source: Source) => void }) {
  const w = words.value.logs;
  const list = useRef<HTMLDivElement>(null);
  /** Two tabs: each of these keys goes to the other one, but those to an end. */
  const turn = (event: KeyboardEvent): void => {
    const at = TABS.findIndex(([, source]) => source === chosen);
    const to = { ArrowLeft: 1 - at, ArrowRight: 1 - at, Home: 0, End: 1 }[event.key];
    const next = to === undefined ? undefined : TABS[to];
    if (!next || to === undefined) return;
    event.preventDefault();
    choose(next[1]);
    list.current?.querySelectorAll<HTMLElement>('[role="tab"]')[to]?.focus();
  };
  return (
    <div class="tabs" role="tablist" aria-label={w.sources} ref={list} onKeyDown={turn}>
      {TABS.map(([name, source]) => (
        <button
          key={name}
          type="button"
          role="tab"
          id={`tab-${name}`}
          aria-controls="log-panel"
          aria-selected={chosen === source}
          tabIndex={chosen === source ? 0 : -1}
          onClick={() => choose(source)}
        >
          {w.tabs[name]}
        </button>
      ))}
    </div>
  );
}

function Filters({ filter, change }: { filter: Filter; change: (next: Filter) => void }) {
  const w = words.value.logs;
  const [typed, setTyped] = useState(filter.search);
  const timer = useRef<ReturnType<typeof setTimeout> | undefined>(undefined);
  const now = useRef(filter);
  now.current = filter;
  useEffect(() => () => clearTimeout(timer.current), []);
  const settle = (next: Partial<Filter>): void => {
    clearTimeout(timer.current);
    const wanted = { ...now.current, ...next };
    if (wanted.least !== now.current.least || wanted.search !== now.current.search) change(wanted);
  };
  return (
    <search class="filters">
      <div class="field narrow">
        <label for="log-search">{w.search}</label>
        <input
          id="log-search"
          type="search"
          autoComplete="off"
          spellcheck={false}
          value={typed}
          onInput={(event) => {
            const text = event.currentTarget.value;
            setTyped(text);
            clearTimeout(timer.current);
            timer.current = setTimeout(() => settle({ search: text.trim() }), TYPING_MS);
          }}
          onKeyDown={(event) => {
            if (event.key === 'Enter' && !event.isComposing) settle({ search: event.currentTarget.value.trim() });
          }}
        />
      </div>
      <div class="field">
        <label for="log-level">{w.level}</label>
        <select
          id="log-level"
          value={filter.least}
          onChange={(event) => settle({ least: event.currentTarget.value as Least, search: typed.trim() })}
        >
          {LEAST.map((least) => (
            <option key={least} value={least}>
              {w.least[least]}
            </option>
          ))}
        </select>
      </div>
    </search>
  );
}

export function Page(_props: { route: Route }) {
  const w = words.value.logs;
  const [source, setSource] = useState<Source>('logs');
  const [filter, setFilter] = useState<Filter>({ least: 'all', search: '' });
  const isLog = source === 'logs';
  const level = isLog && filter.least !== 'all' ? filter.least : '';
  const search = isLog ? filter.search : '';
  return (
    <>
      <PageHead title={words.value.app.logs} lead={w.lead} />
      <div class="stack">
        <Tabs chosen={source} choose={setSource} />
        <div
          class="stack"
          id="log-panel"
          role="tabpanel"
          aria-labelledby={isLog ? 'tab-log' : 'tab-audit'}
        >
          <p class="small muted">
            {isLog ? w.logText : w.auditText}{' '}
            {isLog && <a href={hrefOf({ page: 'configuration', search: 'log' })}>{w.settings}</a>}
          </p>
          {isLog && <Filters filter={filter} change={setFilter} />}
          <Lines key={`${asked.value ?? ''} ${source} ${level} ${search}`} wanted={{ source, level, search }} />
        </div>
      </div>
    </>
  );
}
