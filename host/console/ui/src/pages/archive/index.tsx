// The archive: work that modes have finished, by kinds, and one piece of it. Rule: a viewer sees how much there is, and
// nothing is asked for that the server would refuse; a single kind needs no choice.
import { path } from '../../api/client';
import { usePolled } from '../../api/poll';
import { useRole } from '../../api/role';
import type { Route } from '../../app/route';
import { FailureNote, PageHead } from '../../parts/basics';
import { words } from '../../words';
import '../documents/documents.css';
import './archive.css';
import { EntryView } from './entry';
import { Kinds, NoKinds } from './kinds';
import { EntryList } from './list';
import type { Kind } from './search';

const KINDS_EVERY_MS = 15_000;

function Overview({ chosen }: { chosen: string }) {
  const w = words.value.archive;
  const role = useRole();
  const known = usePolled<{ kinds: Kind[] }>(path('archive'), KINDS_EVERY_MS);
  const kinds = known.value?.kinds;
  const only = kinds?.length === 1 ? kinds[0]?.kind : undefined;
  const kind = chosen || only || '';
  const entries = kinds?.find((one) => one.kind === kind)?.entries ?? 0;
  const isViewer = role === 'viewer';
  return (
    <>
      <PageHead title={words.value.app.archive} lead={kinds || known.failure ? w.lead : words.value.app.loading} />
      <FailureNote failure={known.failure} />
      {kinds && kinds.length === 0 && <NoKinds />}
      {kinds && kinds.length > 0 && role && (
        <>
          <Kinds kinds={kinds} chosen={kind} linked={!isViewer} />
          {isViewer && <p class="note">{w.viewer}</p>}
          {!isViewer && kind === '' && <p class="muted">{w.choose}</p>}
          {!isViewer && kind !== '' && <EntryList key={kind} kind={kind} entries={entries} />}
        </>
      )}
    </>
  );
}

export function Page({ route }: { route: Route }) {
  const { kind, id } = route.page === 'archive' ? route : { kind: '', id: '' };
  return id === '' ? <Overview chosen={kind} /> : <EntryView kind={kind} id={id} />;
}
