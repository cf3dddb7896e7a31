// Charts of the server's own short history. Rule: what was measured and nothing made up; asked for as often as there is
// a new sample.
import { useId, useMemo } from 'preact/hooks';
import { path } from '../../api/client';
import { asked } from '../../api/node';
import { usePolled } from '../../api/poll';
import type { Route } from '../../app/route';
import { Copyable, FailureNote, PageHead, Panel } from '../../parts/basics';
import { words } from '../../words';
import { duration } from '../../words/format';
import { Card } from './card';
import { type Group, type History, type Planned, planned, samplesOf, timesOf } from './figures';
import { type Look, useLook } from './look';
import './metrics.css';

const HISTORY_EVERY_MS = 10_000;

interface GroupProps {
  group: Group;
  plans: readonly Planned[];
  times: readonly number[];
  look: Look;
}

function ChartGroup({ group, plans, times, look }: GroupProps) {
  const heading = useId();
  return (
    <section class="stack" aria-labelledby={heading}>
      <h2 id={heading}>{words.value.metrics.groups[group]}</h2>
      <div class="charts">
        {plans.map((plan) => (
          <Card key={plan.name} plan={plan} times={times} look={look} />
        ))}
      </div>
    </section>
  );
}

function Charts({ history }: { history: History }) {
  const look = useLook();
  const times = useMemo(() => timesOf(history), [history]);
  const groups = useMemo(() => planned(history), [history]);
  return (
    <>
      {groups.map(([group, plans]) => (
        <ChartGroup key={group} group={group} plans={plans} times={times} look={look} />
      ))}
    </>
  );
}

function Prometheus() {
  const w = words.value.metrics;
  return (
    <Panel title={w.prometheus}>
      <p class="small">{w.prometheusText}</p>
      <Copyable text={`${location.origin}/metrics`} label={w.address} />
    </Panel>
  );
}

const HOUR_S = 3600;

/** The time that the charts span: they hold an hour at most. */
function spanText(seconds: number): string {
  return seconds < HOUR_S ? duration(seconds) : words.value.metrics.hour;
}

export function Page(_props: { route: Route }) {
  const w = words.value.metrics;
  const history = usePolled<History>(path('history'), HISTORY_EVERY_MS);
  const known = history.value;
  const samples = known ? samplesOf(known) : 0;
  let lead: string | undefined = history.failure ? undefined : words.value.app.loading;
  if (known) lead = samples > 0 ? w.lead(spanText(samples * known.interval_s)) : w.leadEmpty;
  return (
    <>
      <PageHead title={words.value.app.metrics} lead={lead} />
      <FailureNote failure={history.failure} />
      {known && samples === 0 && (
        <div class="panel">
          <h2>{w.none}</h2>
          <p>{w.noneText}</p>
        </div>
      )}
      {known && samples > 0 && <Charts history={known} />}
      {/* Each node has an address of its own, and this page knows one. */}
      {asked.value === null && <Prometheus />}
    </>
  );
}
