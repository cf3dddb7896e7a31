// The simulator: a device of the released protocol in the page. Rule: the device outlives a look at another page as a
// session that can be resumed, but its socket and its microphone do not outlive this one.
import { effect, signal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import { plugins, swaps } from '../api/feed';
import type { Generation, Missing, SessionDetail } from '../api/types';
import { PageHead } from '../parts/basics';
import { language } from '../words';
import { Device } from './device';
import { findMissing, findPlugins, findSession, findWakeWord, phrasesOf } from './server';
import './simulator.css';
import { AboutPanel } from './ui/about-panel';
import { ConversationPanel } from './ui/conversation-panel';
import { DevicePanel } from './ui/device-panel';
import { FramesPanel } from './ui/frames-panel';
import { MissingNote } from './ui/missing';
import { ToolsPanel } from './ui/tools-panel';
import { TurnsPanel } from './ui/turns-panel';
import { words } from './words';

/** How long after a change the server is asked for the session: several come at once. */
const ASK_AFTER_MS = 300;
const MISSING_EVERY_MS = 15_000;

const device = new Device();
const wakeWord = signal('');
const missing = signal<readonly Missing[]>([]);
const detail = signal<SessionDetail | null>(null);
/** Asked for once, where the server has no feed. */
const listed = signal<readonly Generation[]>([]);

/** Keeps what the server knows of this device. Returns what ends it. */
function follow(): () => void {
  let timer = 0;
  const stopDetail = effect(() => {
    const isKnown = device.changes.value > 0;
    const identity = device.link.identity.value;
    if (!isKnown || identity === null) return;
    window.clearTimeout(timer);
    timer = window.setTimeout(() => {
      void findSession(identity.device).then((found) => {
        detail.value = found;
      });
    }, ASK_AFTER_MS);
  });
  let seen = swaps.peek()[0]?.at ?? 0;
  const stopSwaps = effect(() => {
    const fresh = swaps.value.filter((swap) => swap.at > seen);
    seen = fresh[0]?.at ?? seen;
    for (const { id, to, version } of fresh.reverse()) {
      device.dialogue.add({ tone: 'good', text: (w) => w.note.swapped(id, to, version) });
    }
    if (fresh.length > 0) device.changes.value = device.changes.peek() + 1;
  });
  const ask = () => void findMissing().then((found) => (missing.value = found));
  ask();
  const asking = window.setInterval(() => !document.hidden && ask(), MISSING_EVERY_MS);
  void findWakeWord().then((word) => (wakeWord.value = word));
  void findPlugins().then((found) => (listed.value = found));
  return () => {
    stopDetail();
    stopSwaps();
    window.clearTimeout(timer);
    window.clearInterval(asking);
  };
}

/** The device comes with the page and goes with it; a page that the browser keeps for "back" is left as well. */
function stay(): () => void {
  const leave = () => device.leave();
  const arrive = (event: PageTransitionEvent) => void (event.persisted && device.arrive());
  addEventListener('pagehide', leave);
  addEventListener('pageshow', arrive);
  void device.arrive();
  return () => {
    removeEventListener('pagehide', leave);
    removeEventListener('pageshow', arrive);
    leave();
  };
}

export function Page() {
  useEffect(stay, []);
  useEffect(follow, []);
  const w = words.value;
  const phrases = phrasesOf(plugins.value ?? listed.value, language.value === 'zh');
  const unlock = () => device.dialogue.unlock();
  return (
    <div class="simulator" onPointerDown={unlock} onKeyDown={unlock}>
      <PageHead title={w.title} lead={w.lead} />
      <MissingNote device={device} missing={missing.value} />
      <div class="sim-main">
        <DevicePanel device={device} wakeWord={wakeWord.value} />
        <ConversationPanel device={device} phrases={phrases} mode={detail.value?.mode ?? null} />
      </div>
      <TurnsPanel device={device} />
      <div class="sim-pair">
        <ToolsPanel device={device} />
        <AboutPanel device={device} detail={detail.value} />
      </div>
      <FramesPanel device={device} />
    </div>
  );
}
