// The page of each route. Rule: what one needs at once comes with the first load, each other page when it is opened; a
// page that cannot be loaded says so.
import type { ComponentType } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import { ApiError } from '../api/client';
import { asked } from '../api/node';
import { Devices } from '../pages/devices';
import { DevicePage } from '../pages/device';
import { ConfigurationPage } from '../pages/configuration';
import { Overview } from '../pages/overview';
import { PluginPage, PluginsPage } from '../pages/plugins';
import { StoragePage } from '../pages/storage';
import { FailureNote, PageHead } from '../parts/basics';
import { words } from '../words';
import type { Route } from './route';

interface Loaded {
  Page: ComponentType<{ route: Route }>;
}

// A glob, so that each of these folders is a file of its own, fetched when its page is opened.
const folders = import.meta.glob<Loaded>('../{simulator,pages/{archive,documents,providers,metrics,logs}}/index.tsx');

/** What has been fetched, which stays. */
const fetched = new Map<string, Loaded>();

/** A page that is fetched when it is opened. Its heading takes the focus from the one that stood for it meanwhile. */
function Fetched({ folder, title, route }: { folder: string; title: string; route: Route }) {
  const w = words.value.app;
  const [page, setPage] = useState<Loaded | null>(fetched.get(folder) ?? null);
  const [failure, setFailure] = useState<ApiError | null>(null);
  const place = useRef<HTMLDivElement>(null);
  const load = folders[`../${folder}/index.tsx`];
  useEffect(() => {
    if (page) return;
    load?.().then(
      (module) => {
        fetched.set(folder, module);
        const hadFocus = place.current?.contains(document.activeElement) ?? false;
        setPage(module);
        if (hadFocus) requestAnimationFrame(() => document.querySelector<HTMLElement>('main h1')?.focus({ preventScroll: true }));
      },
      () => setFailure(new ApiError(0, '')),
    );
  }, [folder]);
  if (page) return <page.Page route={route} />;
  return (
    <div ref={place}>
      <PageHead title={title} lead={load ? (failure ? undefined : w.loading) : w.partAbsent} />
      <FailureNote failure={failure} />
    </div>
  );
}

export function Page({ route }: { route: Route }) {
  const w = words.value.app;
  // What is said of one node is not said of another: such a page begins anew with each.
  const node = asked.value ?? '';
  switch (route.page) {
    case 'overview':
      return <Overview />;
    case 'devices':
      return <Devices />;
    case 'device':
      return <DevicePage id={route.id} />;
    case 'simulator':
      return <Fetched folder="simulator" title={w.simulator} route={route} />;
    case 'providers':
    case 'metrics':
      return <Fetched key={node} folder={`pages/${route.page}`} title={w[route.page]} route={route} />;
    case 'archive':
    case 'documents':
    case 'logs':
      return <Fetched folder={`pages/${route.page}`} title={w[route.page]} route={route} />;
    case 'plugins':
      return <PluginsPage />;
    case 'plugin':
      return <PluginPage id={route.id} />;
    case 'configuration':
      return <ConfigurationPage key={node} search={route.search} />;
    case 'storage':
      return <StoragePage key={node} />;
    case 'missing':
      return (
        <>
          <PageHead title={w.missingTitle} lead={w.missingText} />
          <p>
            <a href="#/">{w.toOverview}</a>
          </p>
        </>
      );
  }
}
