// How much of a limit is used. Rule: the figures stand beside the bar; the bar says the same to those who see it.
import { words } from '../words';
import { bytes } from '../words/format';

export function Meter({ label, used, limit }: { label: string; used: number; limit: number }) {
  const share = limit > 0 ? Math.min(1, used / limit) : 0;
  const state = share >= 0.95 ? 'danger' : share >= 0.8 ? 'warn' : 'good';
  return (
    <div class="meter">
      <span>{words.value.storage.of(bytes(used), bytes(limit))}</span>
      <div
        class={`meter-bar ${state}`}
        role="meter"
        aria-label={label}
        aria-valuemin={0}
        aria-valuemax={limit}
        aria-valuenow={Math.min(used, limit)}
        aria-valuetext={words.value.storage.of(bytes(used), bytes(limit))}
      >
        <div style={{ inlineSize: `${Math.max(share * 100, used > 0 ? 0.5 : 0)}%` }} />
      </div>
    </div>
  );
}
