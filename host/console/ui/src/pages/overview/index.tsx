// The overview: is the server well, what is missing and what to write, what it does now. Rule: it begins with one
// sentence and goes from what asks for a hand to what only informs.
import { useEffect, useRef } from 'preact/hooks';
import { get, path } from '../../api/client';
import { addTurns, feedAbsent, figures, link, turns } from '../../api/feed';
import { usePolled } from '../../api/poll';
import type { Configuration, Session, SessionDetail, Status } from '../../api/types';
import { FailureNote, Own, PageHead, Panel } from '../../parts/basics';
import { words } from '../../words';
import { count, duration } from '../../words/format';
import { Modes, StorageSummary, Trials } from './more';
import { MissingParts, NextStep } from './next-step';
import { FirstSound } from './first-sound';
import { Nodes } from './nodes';

const STATUS_EVERY_MS = 5_000;
const SEEDED = 8;

/** The last turns of a few devices, so that the page is not empty after a reload. */
async function seedTurns(closed: AbortSignal): Promise<void> {
  const sessions = await get<Session[]>(path('sessions'), closed);
  const some = [...sessions].sort((a, b) => Number(b.connected) - Number(a.connected)).slice(0, SEEDED);
  for (const one of some) {
    const detail = await get<SessionDetail>(path('sessions', one.device), closed);
    addTurns(detail.turns.map((turn) => ({ ...turn, device: one.device })));
  }
}

function sentence(status: Status | null, away: boolean): string {
  const w = words.value.overview;
  if (away) return w.away;
  if (!status) return w.connecting;
  if (!status.ready) return w.notReady;
  const todo = (status.missing?.length ?? 0) + status.warnings.length + status.waiting_for_restart.length;
  return todo > 0 ? w.readyBut : w.ready;
}

function Figures({ status, sessions }: { status: Status | null; sessions: Session[] | null }) {
  const w = words.value.overview;
  const now = figures.value;
  const connected = now?.connected ?? sessions?.filter((one) => one.connected).length;
  const all: [string, string | null][] = [
    [w.connected, connected === undefined ? null : count(connected)],
    [w.sessions, now ? count(now.sessions) : sessions && count(sessions.length)],
    [w.turns, now && count(now.turns)],
    [w.uptime, now ? duration(now.uptime_s) : status && duration(status.uptime_s)],
  ];
  return (
    <section aria-label={w.figures}>
      <dl class="figures">
        {all.map(
          ([label, value]) =>
            value !== null && (
              <div key={label}>
                <dt>{label}</dt>
                <dd>{value}</dd>
              </div>
            ),
        )}
      </dl>
    </section>
  );
}

/** The sessions, where no feed counts them. */
function FiguresWithoutFeed({ status }: { status: Status | null }) {
  const sessions = usePolled<Session[]>(path('sessions'), STATUS_EVERY_MS);
  return <Figures status={status} sessions={sessions.value} />;
}

function Sentences({ title, all }: { title: string; all: readonly string[] }) {
  if (all.length === 0) return null;
  return (
    <Panel title={title}>
      <ul class="stack tight">
        {all.map((one) => (
          <li key={one}>
            <Own>{one}</Own>
          </li>
        ))}
      </ul>
    </Panel>
  );
}

export function Overview() {
  const w = words.value.overview;
  const status = usePolled<Status>(path('status'), STATUS_EVERY_MS);
  const configuration = usePolled<Configuration>(path('config'), 0);
  useEffect(() => {
    if (turns.value.length > 0) return undefined;
    const closed = new AbortController();
    // Only a first look: where it fails, the feed shows what comes.
    seedTurns(closed.signal).catch(() => undefined);
    return () => closed.abort();
  }, []);
  // A server that is away is noticed by the feed first, and so is that it is back.
  const before = useRef(link.value);
  useEffect(() => {
    if (before.current !== link.value && (link.value === 'lost' || before.current === 'lost')) status.again();
    before.current = link.value;
  }, [link.value]);
  const known = status.value;
  // A feed alone may be dead, behind a proxy for example: then the rest is asked for.
  const away = link.value === 'lost' && (status.failure !== null || !known);
  return (
    <>
      <PageHead
        title={sentence(known, away)}
        lead={
          away ? w.awayText : known ? w.version(known.version, duration(figures.value?.uptime_s ?? known.uptime_s)) : ''
        }
      />
      {status.failure && status.failure.status !== 0 && <FailureNote failure={status.failure} />}
      {known && !away && (
        <>
          <Sentences title={w.notReadyTitle} all={known.not_ready} />
          <NextStep status={known} />
        </>
      )}
      {feedAbsent.value || (link.value === 'lost' && !away) ? <FiguresWithoutFeed status={known} /> : <Figures status={known} sessions={null} />}
      <Nodes />
      {known && (
        <>
          <MissingParts missing={known.missing ?? []} file={configuration.value?.file ?? null} />
          {known.warnings.length > 0 && (
            <Panel title={w.warnings}>
              <ul class="stack tight">
                {known.warnings.map((one) => (
                  <li key={one.setting + one.message} class="note warn">
                    <code>{one.setting}</code>
                    <br />
                    <Own>{one.message}</Own>
                  </li>
                ))}
              </ul>
            </Panel>
          )}
          <Sentences title={w.notes} all={known.notes} />
          {known.waiting_for_restart.length > 0 && (
            <Panel title={w.restart}>
              <p>{w.restartText}</p>
              <ul class="chips">
                {known.waiting_for_restart.map((one) => (
                  <li key={one}>
                    <code>{one}</code>
                  </li>
                ))}
              </ul>
            </Panel>
          )}
        </>
      )}
      <Trials />
      <FirstSound />
      <Modes />
      <StorageSummary />
    </>
  );
}
