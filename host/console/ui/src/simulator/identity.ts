// Who the simulated device is. Rule: stable while the tab lives, of the form of a MAC address that no manufacturer owns
// (locally administered, 02:…), and never that of another tab: a copied tab gets an identity of its own.

export interface Identity {
  readonly device: string;
  readonly client: string;
}

const KEY = 'modehost-simulator';

/** The identity of this tab. */
export async function identityOfTab(): Promise<Identity> {
  const kept = read();
  if (kept && (await claim(kept.device))) return kept;
  const fresh: Identity = { device: newDevice(), client: newClient() };
  await claim(fresh.device);
  try {
    sessionStorage.setItem(KEY, JSON.stringify(fresh));
  } catch {
    // Without storage the identity lasts as long as the page.
  }
  return fresh;
}

function read(): Identity | null {
  try {
    const kept: unknown = JSON.parse(sessionStorage.getItem(KEY) ?? 'null');
    if (typeof kept !== 'object' || kept === null || !('device' in kept) || !('client' in kept)) return null;
    const { device, client } = kept;
    if (typeof device !== 'string' || typeof client !== 'string') return null;
    return /^02(:[0-9a-f]{2}){5}$/.test(device) ? { device, client } : null;
  } catch {
    return null;
  }
}

/** Whether no other tab uses this id. A copied tab copies sessionStorage too; the lock ends with the document. */
function claim(device: string): Promise<boolean> {
  if (!navigator.locks) return Promise.resolve(true);
  return new Promise((settle) => {
    const hold = (lock: Lock | null): Promise<void> | undefined => {
      settle(lock !== null);
      return lock === null ? undefined : new Promise(() => {});
    };
    navigator.locks.request(`${KEY} ${device}`, { ifAvailable: true }, hold).catch(() => settle(true));
  });
}

function newDevice(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(5));
  return ['02', ...Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0'))].join(':');
}

/** A UUID of version 4; `crypto.randomUUID` exists only where the page is secure. */
function newClient(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes[6] = ((bytes[6] ?? 0) & 0x0f) | 0x40;
  bytes[8] = ((bytes[8] ?? 0) & 0x3f) | 0x80;
  const hex = Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-');
}
