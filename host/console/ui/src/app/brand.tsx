// The sign of modehost: speech as four strokes. Rule: drawing only; its name stands beside it as text.
export function Brand() {
  return (
    <svg viewBox="0 0 32 32" aria-hidden="true" class="brand-sign">
      <rect width="32" height="32" rx="7" />
      <path d="M8 13v6M13.3 9v14M18.7 12v8M24 14v4" />
    </svg>
  );
}
