// What hears, answers and speaks for this server, and a try of each. Rule: in the order of a turn; what is not
// configured says what it would do and what to write.
import { useRole } from '../../api/role';
import { path } from '../../api/client';
import { usePolled } from '../../api/poll';
import type { Route } from '../../app/route';
import { FailureNote, PageHead } from '../../parts/basics';
import { words } from '../../words';
import { MissingCard, ProviderCard } from './card';
import './providers.css';
import { keyOf } from './tries';
import type { Provider, ProviderKind, Providers } from './types';

const LIST_EVERY_MS = 10_000;
const ORDER: readonly ProviderKind[] = ['recogniser', 'model', 'voice'];

/** A kind that this console does not know comes last. */
function others(list: readonly Provider[]): Provider[] {
  return list.filter((one) => !ORDER.includes(one.kind));
}

export function Page(_: { route: Route }) {
  const { app, providers: w } = words.value;
  const role = useRole();
  const polled = usePolled<Providers>(path('providers'), LIST_EVERY_MS);
  const list = polled.value?.providers ?? null;
  const card = (provider: Provider) => (
    <ProviderCard key={`${provider.kind} ${keyOf(provider)}`} provider={provider} may={role === 'operator'} changed={polled.again} />
  );
  return (
    <>
      <PageHead title={app.providers} lead={list ? (list.length > 0 ? w.lead : w.none) : polled.failure ? undefined : app.loading}>
        {role && <p class="small muted">{role === 'viewer' ? w.viewer : list && list.length > 0 ? w.lastText : ''}</p>}
      </PageHead>
      <FailureNote failure={polled.failure} />
      {list && (
        <div class="stack">
          {ORDER.map((kind) => {
            const own = list.filter((one) => one.kind === kind);
            return own.length > 0 ? own.map(card) : <MissingCard key={kind} kind={kind} />;
          })}
          {others(list).map(card)}
        </div>
      )}
    </>
  );
}
