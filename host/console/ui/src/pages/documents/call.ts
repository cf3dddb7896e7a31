// Asking for what only operators may read. Rule: a refusal concerns only what was asked for, and the page stays; an
// answer that comes too late is dropped.
import { ApiError, path, send } from '../../api/client';

/** A failure as an ApiError. */
export function failureOf(error: unknown): ApiError {
  return error instanceof ApiError ? error : new ApiError(0, '');
}

/** The address of something under /api/v1 with options; empty ones are left out. */
export function address(parts: readonly string[], options: Readonly<Record<string, string>> = {}): string {
  const given = Object.entries(options).filter(([, value]) => value !== '');
  return given.length > 0 ? `${path(...parts)}?${new URLSearchParams(given).toString()}` : path(...parts);
}

/** GET, as text. */
export async function ask(target: string, signal: AbortSignal): Promise<string> {
  const response = await send(target, { aside: true, signal });
  return response.text();
}

/** Gives the focus to the title of the page, before the button that has it goes away. */
export function focusTitle(): void {
  document.querySelector<HTMLElement>('main h1')?.focus({ preventScroll: true });
}
