// The page of each route. Rule: the simulator is loaded when it is opened, all other pages come with the first load; a page
// that cannot be loaded says so.
import type { ComponentType } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import { ApiError } from '../api/client';
import { Devices } from '../pages/devices';
import { DevicePage } from '../pages/device';
import { ConfigurationPage } from '../pages/configuration';
import { Overview } from '../pages/overview';
import { PluginPage, PluginsPage } from '../pages/plugins';
import { StoragePage } from '../pages/storage';
import { FailureNote, PageHead } from '../parts/basics';
import { words } from '../words';
import type { Route } from './route';

// A glob, so that the console builds without the simulator's folder as well.
const simulators = import.meta.glob<{ SimulatorPage: ComponentType }>('../simulator/index.tsx');

function Simulator() {
  const w = words.value.app;
  const [page, setPage] = useState<{ Loaded: ComponentType } | null>(null);
  const [failure, setFailure] = useState<ApiError | null>(null);
  const load = simulators['../simulator/index.tsx'];
  useEffect(() => {
    load?.().then(
      (module) => setPage({ Loaded: module.SimulatorPage }),
      () => setFailure(new ApiError(0, '')),
    );
  }, []);
  if (page) return <page.Loaded />;
  return (
    <>
      <PageHead title={w.simulator} lead={load ? (failure ? undefined : w.loading) : w.simulatorAbsent} />
      <FailureNote failure={failure} />
    </>
  );
}

export function Page({ route }: { route: Route }) {
  const w = words.value.app;
  switch (route.page) {
    case 'overview':
      return <Overview />;
    case 'devices':
      return <Devices />;
    case 'device':
      return <DevicePage id={route.id} />;
    case 'simulator':
      return <Simulator />;
    case 'plugins':
      return <PluginsPage />;
    case 'plugin':
      return <PluginPage id={route.id} />;
    case 'configuration':
      return <ConfigurationPage search={route.search} />;
    case 'storage':
      return <StoragePage />;
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
