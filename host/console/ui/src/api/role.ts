// What the reader may do here. Rule: the server alone decides; this only leaves out what it would refuse, and a server
// that does not say has operators only.
import { path } from './client';
import { usePolled } from './poll';

export type Role = 'operator' | 'viewer';

/** The reader's role; null before the server has said so. */
export function useRole(): Role | null {
  const status = usePolled<{ role?: string }>(path('status'), 0);
  if (status.value) return status.value.role === 'viewer' ? 'viewer' : 'operator';
  return status.failure ? 'operator' : null;
}
