// What came of the tries of a provider. Rule: texts of providers are text, as they gave them; the newest stands in full,
// the times of all in a table, which come first, since a phone shows these.
import { useId } from 'preact/hooks';
import { Player } from '../../parts/clip';
import { words } from '../../words';
import { clock, ms } from '../../words/format';
import { keyOf, tries, type Tried } from './tries';
import type { Provider, ProviderKind } from './types';

function Newest({ kind, one }: { kind: ProviderKind; one: Tried }) {
  const w = words.value.providers;
  const label = { model: w.answer, recogniser: w.understood, voice: w.sound }[kind];
  const empty = kind === 'voice' ? w.noSound : w.nothing;
  return (
    <div class="stack tight newest">
      <h3>{label}</h3>
      {one.text && (
        <p class="answer" dir="auto" tabIndex={0} role="group" aria-label={label}>
          {one.text}
        </p>
      )}
      {one.sound && <Player sound={one.sound} label={w.spoken} />}
      {one.error !== null && (
        <p class="note danger" dir="auto">
          {one.error}
        </p>
      )}
      {!one.text && !one.sound && one.error === null && <p class="muted">{empty}</p>}
      <p class="small muted">
        {one.firstMs === null ? w.whole(ms(one.tookMs)) : w.times(ms(one.firstMs), ms(one.tookMs))}
      </p>
    </div>
  );
}

function Row({ one, hasLength }: { one: Tried; hasLength: boolean }) {
  const w = words.value.providers;
  return (
    <tr>
      <th scope="row" class="when">
        <time dateTime={new Date(one.at).toISOString()}>{clock(one.at)}</time>
      </th>
      <td class="end when">{one.firstMs === null ? '–' : ms(one.firstMs)}</td>
      <td class="end when">{ms(one.tookMs)}</td>
      <td>
        <span class={one.error === null ? 'badge good' : 'badge danger'}>{one.error === null ? w.good : w.bad}</span>
      </td>
      {hasLength && <td class="end when">{one.lengthMs ? ms(one.lengthMs) : '–'}</td>}
      <td class="what">
        {one.what}
        <span class="muted"> · {one.with}</span>
      </td>
    </tr>
  );
}

export function Results({ provider }: { provider: Provider }) {
  const w = words.value.providers;
  const title = useId();
  const all = tries.value.get(keyOf(provider)) ?? [];
  const [newest] = all;
  const hasLength = provider.kind !== 'model';
  return (
    <>
      <div class="outcome" role="status">
        {newest && <Newest kind={provider.kind} one={newest} />}
      </div>
      {newest && (
        <div class="stack tight">
          <h3 id={title}>{w.last}</h3>
          <div class="scroll-x" tabIndex={0} role="group" aria-labelledby={title}>
            <table class="tries">
              <thead>
                <tr>
                  <th scope="col">{w.at}</th>
                  <th scope="col" class="end">
                    {w.first}
                  </th>
                  <th scope="col" class="end">
                    {w.all}
                  </th>
                  <th scope="col">{w.result}</th>
                  {hasLength && (
                    <th scope="col" class="end">
                      {w.length}
                    </th>
                  )}
                  <th scope="col" class="what">
                    {w.what}
                  </th>
                </tr>
              </thead>
              <tbody>
                {all.map((one) => (
                  <Row key={one.at} one={one} hasLength={hasLength} />
                ))}
              </tbody>
            </table>
          </div>
        </div>
      )}
    </>
  );
}
