// The lower part of the overview: what people can say, generations on trial, storage. Rule: a summary each, with a link
// to the page that has the rest.
import { plugins } from '../../api/feed';
import { path } from '../../api/client';
import { usePolled } from '../../api/poll';
import { serving } from '../../api/swaps';
import type { Storage } from '../../api/types';
import { hrefOf } from '../../app/route';
import { Facts, Own, Panel } from '../../parts/basics';
import { Meter } from '../../parts/meter';
import { words } from '../../words';
import { bytes, count } from '../../words/format';

const STORAGE_EVERY_MS = 30_000;

/** Whether a text is written in Chinese characters, for the voice of a screen reader. */
function languageTag(text: string): string {
  return /\p{Script=Han}/u.test(text) ? 'zh-CN' : 'en';
}

/** Modes on offer, with the phrases that begin them. */
export function Modes() {
  const w = words.value.overview;
  const all = plugins.value;
  if (!all) return null;
  const offers = [...serving(all).values()].flatMap((one) => one.mode_offers);
  return (
    <Panel title={w.sayTitle} aside={<a href={hrefOf({ page: 'simulator' })}>{w.nextButton}</a>}>
      <p class="muted small">{offers.length > 0 ? w.sayText : w.sayNone}</p>
      <ul class="modes">
        {offers.map((offer) => (
          <li key={offer.name} class="stack tight">
            <h3>{offer.name}</h3>
            {offer.description && (
              <p class="small" lang={languageTag(offer.description)}>
                {offer.description}
              </p>
            )}
            {offer.phrases.length > 0 ? (
              <ul class="phrases">
                {offer.phrases.map((phrase) => (
                  <li key={phrase} lang={languageTag(phrase)}>
                    {phrase}
                  </li>
                ))}
              </ul>
            ) : (
              <p class="small muted">{w.sayDefault}</p>
            )}
          </li>
        ))}
      </ul>
    </Panel>
  );
}

/** Generations that have to prove themselves; nothing if there are none. */
export function Trials() {
  const w = words.value.overview;
  const some = (plugins.value ?? []).filter((one) => one.state === 'trial' || one.state === 'candidate');
  if (some.length === 0) return null;
  return (
    <Panel title={w.trialTitle}>
      <ul class="stack tight">
        {some.map((one) => (
          <li key={`${one.id} ${one.generation ?? one.sha8}`}>
            <a href={hrefOf({ page: 'plugin', id: one.id })}>{one.id}</a>{' '}
            {one.state === 'candidate'
              ? w.candidateText(one.version, `${count(one.percent ?? 0)} %`)
              : w.trialText(one.version)}
            {one.last_fault && (
              <p class="small muted">
                <Own>{one.last_fault}</Own>
              </p>
            )}
          </li>
        ))}
      </ul>
    </Panel>
  );
}

/** How full the disk and the database are. */
export function StorageSummary() {
  const w = words.value.overview;
  const now = usePolled<Storage>(path('storage'), STORAGE_EVERY_MS).value;
  if (!now) return null;
  const used = now.files.reduce((sum, file) => sum + file.bytes, 0);
  const database = databaseBytes(now);
  return (
    <Panel title={w.storageTitle} aside={<a href={hrefOf({ page: 'storage' })}>{w.more}</a>}>
      <Facts
        facts={[
          [w.used, bytes(used)],
          [w.free, bytes(now.disk_free_bytes)],
          [w.database, <Meter label={w.database} used={database} limit={now.limits.database_mib * 1024 * 1024} />],
        ]}
      />
    </Panel>
  );
}

/** The size of the database as its limit counts it. */
export function databaseBytes(storage: Storage): number {
  const own = ['database', 'write-ahead file', 'queue in reserve'];
  return storage.files.filter((file) => own.includes(file.what)).reduce((sum, file) => sum + file.bytes, 0);
}
