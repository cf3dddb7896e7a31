// What the simulator asks the server over HTTP: where devices connect, what is missing, the wake word, the plugins that
// serve this device. Rule: the simulator works without any of the answers but the first, and says so where one is missing.
import { get, path } from '../api/client';
import type { Configuration, Generation, Missing, SessionDetail, Status } from '../api/types';
import type { Identity } from './identity';
import { array, object, parseObject, string } from './protocol';

/** Where devices connect, as stock firmware learns it. */
export interface Place {
  readonly url: string;
  readonly token: string;
  /** A code that an operator has to enter first; empty if there is none. */
  readonly code: string;
}

const OTA = '/xiaozhi/ota/';
/** The first of the ecosystem's wake words, where the server does not tell its own. */
const WAKE_WORD = '你好小智';

/** Asks OTA, then the status; `null` if neither knows. */
export async function findPlace(identity: Identity): Promise<Place | null> {
  return (await askOta(identity)) ?? (await askStatus());
}

async function askOta({ device, client }: Identity): Promise<Place | null> {
  try {
    const response = await fetch(OTA, {
      method: 'POST',
      headers: { 'Device-Id': device, 'Client-Id': client, 'Content-Type': 'application/json' },
      body: JSON.stringify({
        version: 2,
        mac_address: device,
        uuid: client,
        application: { name: 'modehost-simulator', version: '1.0.0' },
        board: { type: 'browser', name: 'simulator', mac: device },
      }),
      cache: 'no-store',
      credentials: 'omit',
    });
    const body = response.ok ? parseObject(await response.text()) : null;
    const websocket = object(body?.['websocket']);
    const url = string(websocket['url']);
    if (url === '') return null;
    return { url, token: string(websocket['token']), code: string(object(body?.['activation'])['code']) };
  } catch {
    return null;
  }
}

async function askStatus(): Promise<Place | null> {
  const status = await askOrNull<Status>(path('status'));
  return status?.devices_url ? { url: status.devices_url, token: '', code: '' } : null;
}

/** What the server cannot do, if it says so. */
export async function findMissing(): Promise<readonly Missing[]> {
  const status = await askOrNull<Status>(path('status'));
  return Array.isArray(status?.missing) ? status.missing : [];
}

/** The first of the server's wake words. */
export async function findWakeWord(): Promise<string> {
  const configuration = await askOrNull<Configuration>(path('config'));
  const setting = configuration?.settings.find((one) => one.setting === 'session.wake_words');
  const first = array(setting?.value).map((word) => string(word))[0];
  return first ? first : WAKE_WORD;
}

/** Phrases that begin a mode, one for each mode. */
export function phrasesOf(plugins: readonly Generation[], isChinese: boolean): readonly string[] {
  const offers = plugins
    .filter((one) => one.state === 'active' || one.state === 'trial')
    .flatMap((one) => one.mode_offers);
  const hasHan = (phrase: string) => /[\u3400-\u9fff]/.test(phrase);
  const phrases = offers.map(
    (offer) => offer.phrases.find((phrase) => hasHan(phrase) === isChinese) ?? offer.phrases[0] ?? '',
  );
  return [...new Set(phrases)].filter((phrase) => phrase !== '').slice(0, 4);
}

export async function findPlugins(): Promise<readonly Generation[]> {
  return (await askOrNull<Generation[]>(path('plugins'))) ?? [];
}

/** The session of this device, as operators see it. */
export function findSession(device: string): Promise<SessionDetail | null> {
  return askOrNull<SessionDetail>(path('sessions', device));
}

async function askOrNull<T>(target: string): Promise<T | null> {
  try {
    return await get<T>(target);
  } catch {
    return null;
  }
}
