// One device: its connection, what its session does, its turns, its timeline, and what an operator may do with it.
// Rule: nothing of what was said stands here, except in the timeline where the operator has switched it on.
import { path } from '../../api/client';
import { usePolled } from '../../api/poll';
import { useRole } from '../../api/role';
import type { Configuration, Json, SessionDetail } from '../../api/types';
import { hrefOf } from '../../app/route';
import { Facts, FailureNote, PageHead, Panel } from '../../parts/basics';
import { Watch } from '../../parts/watch';
import { Legend, Waterfall } from '../../parts/waterfall';
import { words } from '../../words';
import { bytes, count, list, moment } from '../../words/format';
import { Actions } from './actions';
import './device.css';
import { ToolsPanel } from './tools';

const DETAIL_EVERY_MS = 2_000;

/** The value of a setting as an object; empty if it is none. */
function objectOf(configuration: Configuration | null, setting: string): { [member: string]: Json } {
  const value = configuration?.settings.find((one) => one.setting === setting)?.value;
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? value : {};
}

/** The groups that a device is in, as the configuration has it. */
export function groupsOf(configuration: Configuration | null, device: string): string[] {
  const named = Object.entries(objectOf(configuration, 'groups'))
    .filter(([, members]) => Array.isArray(members) && members.some((one) => String(one).toLowerCase() === device))
    .map(([name]) => name);
  return named.length > 0 ? named : ['default'];
}

function ConnectionPanel({ detail }: { detail: SessionDetail }) {
  const w = words.value.device;
  const { yes, no } = words.value.app;
  const { connection, features } = detail;
  return (
    <Panel title={w.connection}>
      <Facts
        facts={[
          connection && ([w.address, <code>{connection.address}</code>] as const),
          connection && ([w.client, connection.client || '–'] as const),
          connection && ([w.number, count(connection.number)] as const),
          features && ([w.audio, `${features.codec}, ${count(features.sample_rate)} Hz`] as const),
          features && ([w.framing, features.version ?? connection?.protocol_version ?? 1] as const),
          features && ([w.mcp, features.mcp ? yes : no] as const),
          features && ([w.faces, features.faces ? yes : no] as const),
          [w.extensions, detail.knows_extensions ? yes : no],
        ]}
      />
      {!features && <p class="muted small">{w.noHello}</p>}
    </Panel>
  );
}

function SessionPanel({ detail, configuration }: { detail: SessionDetail; configuration: Configuration | null }) {
  const w = words.value.device;
  const { waiting } = detail;
  const alias = objectOf(configuration, 'device_alias')[detail.device];
  return (
    <Panel title={w.session}>
      <Facts
        facts={[
          typeof alias === 'string' && ([w.alias, alias] as const),
          detail.session ? ([w.sessionId, <code>{detail.session}</code>] as const) : null,
          [w.mode, detail.mode ?? words.value.devices.defaultMode],
          [w.groups, list(detail.groups ?? groupsOf(configuration, detail.device))],
          [w.from_device, count(waiting.from_device)],
          [w.outbox, `${count(waiting.outbox_frames)} (${bytes(waiting.outbox_bytes)})`],
          [w.held, count(waiting.held)],
          [w.queue, count(waiting.queue)],
        ]}
      />
    </Panel>
  );
}

function HandlersPanel({ detail }: { detail: SessionDetail }) {
  const w = words.value.device;
  const { yes } = words.value.app;
  return (
    <Panel title={w.plugins}>
      {detail.plugins ? (
        <div class="scroll-x" tabIndex={0} role="group" aria-label={w.plugins}>
          <table>
            <thead>
              <tr>
                <th scope="col">{w.plugin}</th>
                <th scope="col">{w.mode}</th>
                <th scope="col" class="end">
                  {w.generation}
                </th>
                <th scope="col">{w.live}</th>
                <th scope="col" class="end">
                  {w.requests}
                </th>
                <th scope="col" class="end">
                  {w.timers}
                </th>
              </tr>
            </thead>
            <tbody>
              {detail.plugins.map((one) => (
                <tr key={`${one.plugin} ${one.generation}`}>
                  <th scope="row">
                    <a href={hrefOf({ page: 'plugin', id: one.plugin })}>{one.plugin}</a>{' '}
                    <span class="muted">{one.version}</span>
                  </th>
                  <td>{one.mode ?? '–'}</td>
                  <td class="end">{count(one.generation)}</td>
                  <td>{one.live ? yes : w.hibernating}</td>
                  <td class="end">{count(one.requests)}</td>
                  <td class="end">{count(one.timers)}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      ) : (
        <p class="muted">{w.busy}</p>
      )}
    </Panel>
  );
}

export function DevicePage({ id }: { id: string }) {
  const w = words.value.device;
  const session = usePolled<SessionDetail>(path('sessions', id), DETAIL_EVERY_MS);
  const configuration = usePolled<Configuration>(path('config'), 0).value;
  const may = useRole() === 'operator';
  const gone = session.failure?.status === 404;
  const detail = gone ? null : session.value;
  let lead: string | undefined = gone ? w.gone : words.value.app.loading;
  if (detail?.connected) lead = detail.connection ? w.onSince(moment(detail.connection.since)) : words.value.devices.on;
  else if (detail) lead = detail.away_since ? w.offSince(moment(detail.away_since)) : w.off;
  return (
    <>
      <div class="stack tight">
        <p class="small">
          <a href={hrefOf({ page: 'devices' })}>{w.back}</a>
        </p>
        <PageHead title={id} lead={lead}>
          {gone && <p>{w.goneText}</p>}
        </PageHead>
      </div>
      {!gone && <FailureNote failure={session.failure} />}
      {may && (
        <Actions id={id} connected={detail?.connected ?? false} known={detail !== null} changed={session.again} />
      )}
      {detail && (
        <>
          <div class="columns">
            <ConnectionPanel detail={detail} />
            <SessionPanel detail={detail} configuration={configuration} />
          </div>
          <Panel title={w.turns} aside={detail.turns.length > 0 && <Legend />}>
            {detail.turns.length > 0 ? (
              <Waterfall turns={detail.turns} caption={w.turns} />
            ) : (
              <p class="muted">{words.value.turns.none}</p>
            )}
          </Panel>
          <HandlersPanel detail={detail} />
          <ToolsPanel detail={detail} may={may} />
        </>
      )}
      <Watch path={path('devices', id, 'watch')} columns="device" />
    </>
  );
}
