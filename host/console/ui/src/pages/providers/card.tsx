// One provider: what it is, how it is, and its bench. Rule: its state is said in words and by a shape, not by colour
// alone; who may only look sees no bench.
import { hrefOf } from '../../app/route';
import { Copyable, Facts, Panel } from '../../parts/basics';
import { words } from '../../words';
import { named } from '../../words/named';
import { remedyFor } from '../overview/remedies';
import { AskBench, HearBench, SayBench } from './bench';
import { Results } from './results';
import type { Provider, ProviderKind } from './types';

function SettingLink({ setting }: { setting: string }) {
  return (
    <a href={hrefOf({ page: 'configuration', search: setting })}>
      <code>{setting}</code>
    </a>
  );
}

function Purposes({ purposes }: { purposes: readonly string[] }) {
  const { providers: w, app } = words.value;
  if (purposes.length === 0) return <>{app.none}</>;
  return (
    <span class="chips">
      {purposes.map((purpose) => (purpose === '*' ? <span key={purpose}>{w.everyOther}</span> : <code key={purpose}>{purpose}</code>))}
    </span>
  );
}

const BENCHES = { recogniser: HearBench, model: AskBench, voice: SayBench };

export function ProviderCard(props: { provider: Provider; may: boolean; changed: () => void }) {
  const w = words.value.providers;
  const { provider } = props;
  const kind = named(w.kinds, provider.kind) ?? provider.kind;
  const Bench = Object.hasOwn(BENCHES, provider.kind) ? BENCHES[provider.kind] : null;
  return (
    <Panel title={w.titled(kind, provider.name)}>
      <div class="provider">
        <Facts
          facts={[
            [
              w.state,
              <span class="provider-state" data-state={provider.state}>
                {named(w.states, provider.state) ?? provider.state}
              </span>,
            ],
            provider.model ? ([w.model, <code>{provider.model}</code>] as const) : null,
            [w.address, provider.address ? <code>{provider.address}</code> : w.here],
            provider.kind === 'model' && ([w.purposes, <Purposes purposes={provider.purposes} />] as const),
            [w.setting, <SettingLink setting={provider.setting} />],
          ]}
        />
        {props.may && Bench && <Bench provider={provider} changed={props.changed} />}
      </div>
      {Bench && <Results provider={provider} />}
    </Panel>
  );
}

const SECTIONS: Record<ProviderKind, string> = { recogniser: 'asr', model: 'llm', voice: 'tts' };

/** What to write where nothing of a kind is configured. */
export function MissingCard({ kind }: { kind: ProviderKind }) {
  const { providers: w, overview } = words.value;
  const yaml = remedyFor(kind);
  return (
    <Panel title={w.kinds[kind]}>
      <p>{named(overview.missing, kind)}</p>
      <p class="small muted">
        {overview.setting} <SettingLink setting={SECTIONS[kind]} />
      </p>
      {yaml && <Copyable block text={yaml} label={SECTIONS[kind]} />}
      {kind === 'voice' && <p class="small muted">{overview.espeak}</p>}
    </Panel>
  );
}
