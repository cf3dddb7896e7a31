// What a newcomer does next: talk to the server, and write what is not configured. Rule: every text that is to be
// written stands there to be copied, with the place where it goes.
import { feedAbsent, figures } from '../../api/feed';
import { usePolled } from '../../api/poll';
import { path } from '../../api/client';
import type { Missing, Session, Status } from '../../api/types';
import { hrefOf } from '../../app/route';
import { Copyable, Own, Panel } from '../../parts/basics';
import { words } from '../../words';
import { named } from '../../words/named';
import { sentences } from '../../words/format';
import { isLocalOnly, remedyFor } from './remedies';

/** The first step, as long as no device is connected. */
export function NextStep({ status }: { status: Status }) {
  return feedAbsent.value ? (
    <NextStepWithoutFeed status={status} />
  ) : figures.value?.connected === 0 ? (
    <Step status={status} />
  ) : null;
}

function NextStepWithoutFeed({ status }: { status: Status }) {
  const sessions = usePolled<Session[]>(path('sessions'), 5_000).value;
  return sessions && !sessions.some((one) => one.connected) ? <Step status={status} /> : null;
}

function Step({ status }: { status: Status }) {
  const w = words.value.overview;
  const ota = status.ota_url ?? `${location.origin}/xiaozhi/ota/`;
  return (
    <Panel title={w.nextTitle} class="next">
      <div class="columns">
        <div class="stack">
          <p>{w.nextText}</p>
          <div class="buttons">
            <a class="button" href={hrefOf({ page: 'simulator' })}>
              {w.nextButton}
            </a>
          </div>
        </div>
        <div class="stack tight">
          <p>{w.realText}</p>
          <Copyable text={ota} label={w.ota} />
          {isLocalOnly(ota) && <p class="small muted">{w.realLocal}</p>}
        </div>
      </div>
    </Panel>
  );
}

/** What is not configured, with the remedy. */
export function MissingParts({ missing, file }: { missing: readonly Missing[]; file: string | null }) {
  const w = words.value.overview;
  if (missing.length === 0) return null;
  const remedies = missing.some((one) => remedyFor(one.code) !== null);
  return (
    <Panel title={w.missingTitle}>
      {remedies && (
        <p class="small muted">
          {sentences(file ? w.writeFile(file) : w.writeNew, w.adapt)}
        </p>
      )}
      <ul class="missing">
        {missing.map((one) => {
          const yaml = remedyFor(one.code);
          return (
            <li key={one.code + one.setting} class="stack tight">
              <h3>{named(w.missing, one.code) ?? <Own>{one.message}</Own>}</h3>
              <p class="small muted">
                {w.setting}{' '}
                <a href={hrefOf({ page: 'configuration', search: one.setting })}>
                  <code>{one.setting}</code>
                </a>
              </p>
              {yaml && <Copyable block text={yaml} label={one.setting} />}
              {one.code === 'voice' && <p class="small muted">{w.espeak}</p>}
            </li>
          );
        })}
      </ul>
      {remedies && !file && <Copyable text="modehost serve --config config.yaml" label={w.start} />}
    </Panel>
  );
}
