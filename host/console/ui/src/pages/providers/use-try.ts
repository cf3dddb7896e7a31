// One try at a time. Rule: it can be given up, and leaving the page gives it up; a refusal of the server is its sentence,
// a failure of the provider is a result.
import { useEffect, useRef, useState } from 'preact/hooks';
import { ApiError, type Call, send } from '../../api/client';

export interface Try {
  busy: boolean;
  failure: ApiError | null;
  /** Asks, and hands on the answer. */
  run: <T>(target: string, call: Call, answered: (answer: T) => void) => Promise<void>;
  giveUp: () => void;
}

export function useTry(changed: () => void): Try {
  const own = useRef<AbortController | null>(null);
  const [busy, setBusy] = useState(false);
  const [failure, setFailure] = useState<ApiError | null>(null);
  useEffect(() => () => own.current?.abort(), []);
  const run: Try['run'] = async (target, call, answered) => {
    if (own.current) return;
    const asked = new AbortController();
    own.current = asked;
    setBusy(true);
    setFailure(null);
    try {
      const response = await send(target, { ...call, method: 'POST', signal: asked.signal });
      const answer: unknown = await response.json();
      answered(answer as Parameters<typeof answered>[0]);
      // A provider that has failed may be left alone now.
      changed();
    } catch (error) {
      if (!asked.signal.aborted) setFailure(error instanceof ApiError ? error : new ApiError(0, ''));
    } finally {
      own.current = null;
      setBusy(false);
    }
  };
  return { busy, failure, run, giveUp: () => own.current?.abort() };
}
