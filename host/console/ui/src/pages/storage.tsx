// What uses the disk, its limits, and making room. Rule: sizes as the server counts them; nothing is removed but what
// the server calls orphaned or expired.
import { useState } from 'preact/hooks';
import { ApiError, path, post } from '../api/client';
import { usePolled } from '../api/poll';
import { useRole } from '../api/role';
import type { Amount, Compacted, Storage, Stores } from '../api/types';
import { hrefOf } from '../app/route';
import { Facts, FailureNote, Own, PageHead, Panel } from '../parts/basics';
import { Meter } from '../parts/meter';
import { words } from '../words';
import { named } from '../words/named';
import { bytes, count, sentences } from '../words/format';
import { databaseBytes } from './overview/more';

const STORAGE_EVERY_MS = 10_000;
const MIB = 1024 * 1024;

function isAmount(value: Stores[string] | undefined): value is Amount {
  return typeof value === 'object' && !Array.isArray(value);
}

function Limits({ storage }: { storage: Storage }) {
  const w = words.value.storage;
  const queue = storage.stores['queue'];
  const cache = storage.files.find((file) => file.what === 'compiled plugins')?.bytes ?? 0;
  const { database_mib, queue_mib, plugin_cache_mib } = storage.limits;
  return (
    <Panel title={w.limits}>
      <Facts
        facts={[
          [w.database, <Meter label={w.database} used={databaseBytes(storage)} limit={database_mib * MIB} />],
          [w.queue, <Meter label={w.queue} used={isAmount(queue) ? queue.bytes : 0} limit={queue_mib * MIB} />],
          [w.cache, <Meter label={w.cache} used={cache} limit={plugin_cache_mib * MIB} />],
        ]}
      />
    </Panel>
  );
}

function Compact({ changed }: { changed: () => void }) {
  const w = words.value.storage;
  const [busy, setBusy] = useState(false);
  const [done, setDone] = useState<Compacted | null>(null);
  const [failure, setFailure] = useState<ApiError | null>(null);
  const compact = async (): Promise<void> => {
    setBusy(true);
    setDone(null);
    setFailure(null);
    try {
      setDone(await post<Compacted>(path('storage', 'compact')));
      changed();
    } catch (error) {
      setFailure(error instanceof ApiError ? error : new ApiError(0, ''));
    } finally {
      setBusy(false);
    }
  };
  return (
    <Panel
      title={w.compact}
      aside={
        <div class="buttons">
          <button type="button" class="button quiet" disabled={busy} onClick={() => void compact()}>
            {w.compact}
          </button>
        </div>
      }
    >
      <p class="small muted">{w.compactText}</p>
      <div role="status" class="stack tight small">
        {done && (
          <>
            <p>
              {sentences(
                w.compacted(bytes(done.bytes_before), bytes(done.bytes_after)),
                w.removed(count(done.journals), count(done.messages)),
              )}
            </p>
            {done.left.map((one) => (
              <p key={one} class="note warn">
                <Own>{one}</Own>
              </p>
            ))}
          </>
        )}
      </div>
      <FailureNote failure={failure} />
    </Panel>
  );
}

function Files({ storage }: { storage: Storage }) {
  const w = words.value.storage;
  return (
    <Panel title={w.files}>
      <table class="files">
        <thead>
          <tr>
            <th scope="col">{w.what}</th>
            <th scope="col">{w.path}</th>
            <th scope="col" class="end">
              {w.size}
            </th>
          </tr>
        </thead>
        <tbody>
          {storage.files.map((file) => (
            <tr key={file.path}>
              <th scope="row">{named(w.whats, file.what) ?? <Own>{file.what}</Own>}</th>
              <td>
                <code>{file.path}</code>
              </td>
              <td class="end when">{bytes(file.bytes)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </Panel>
  );
}

function StoresPanel({ stores }: { stores: Stores }) {
  const w = words.value.storage;
  const unused = stores['free_bytes'];
  const largest = stores['largest'];
  return (
    <Panel title={w.stores}>
      <table>
        <thead>
          <tr>
            <th scope="col">{w.store}</th>
            <th scope="col" class="end">
              {w.rows}
            </th>
            <th scope="col" class="end">
              {w.size}
            </th>
          </tr>
        </thead>
        <tbody>
          {Object.entries(stores).map(
            ([name, amount]) =>
              isAmount(amount) && (
                <tr key={name}>
                  <th scope="row">{named(w.names, name) ?? name}</th>
                  <td class="end">{count(amount.rows)}</td>
                  <td class="end">{bytes(amount.bytes)}</td>
                </tr>
              ),
          )}
          {typeof unused === 'number' && (
            <tr>
              <th scope="row">{w.unused}</th>
              <td class="end">–</td>
              <td class="end">{bytes(unused)}</td>
            </tr>
          )}
        </tbody>
      </table>
      {Array.isArray(largest) && largest.length > 0 && (
        <div class="stack tight">
          <h3>{w.largest}</h3>
          <ul class="largest">
            {largest.map(([device, size]) => (
              <li key={device}>
                <a href={hrefOf({ page: 'device', id: device })}>{device}</a> <span class="number">{bytes(size)}</span>
              </li>
            ))}
          </ul>
        </div>
      )}
    </Panel>
  );
}

export function StoragePage() {
  const w = words.value.storage;
  const storage = usePolled<Storage>(path('storage'), STORAGE_EVERY_MS);
  const known = storage.value;
  const role = useRole();
  return (
    <>
      <PageHead title={w.title} lead={known ? w.lead(bytes(known.disk_free_bytes)) : words.value.app.loading} />
      <FailureNote failure={storage.failure} />
      {known && (
        <>
          <div class="columns">
            <Limits storage={known} />
            <StoresPanel stores={known.stores} />
          </div>
          <Files storage={known} />
        </>
      )}
      {role === 'operator' && <Compact changed={storage.again} />}
    </>
  );
}
