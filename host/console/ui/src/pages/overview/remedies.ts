// What to write where something is not configured. Rule: each text is YAML that `modehost check` accepts as it stands;
// pages/overview/remedies.test.ts keeps its form, the server its meaning.

import { named } from '../../words/named';

/** The YAML for a code of status.missing; null for a code that this console does not know. */
export function remedyFor(code: string): string | null {
  return named(REMEDIES, code) ?? null;
}

const REMEDIES: Record<string, string> = {
  model: `llm:
  aliases:
    default:
      base_url: https://api.example.org/v1
      model: a-model
      api_key: a-key
`,
  recogniser: `asr:
  provider: openai
  openai:
    base_url: https://api.example.org/v1
    model: a-model
    api_key: a-key
`,
  voice: `tts:
  provider: openai
  openai:
    base_url: https://api.example.org/v1
    model: a-model
    voice: alloy
    api_key: a-key
`,
};

/** Whether an address names this machine only, so that no device can reach it. */
export function isLocalOnly(url: string): boolean {
  try {
    const host = new URL(url).hostname.replace(/^\[|\]$/g, '');
    return host === 'localhost' || host.endsWith('.localhost') || host === '::1' || host.startsWith('127.');
  } catch {
    return false;
  }
}
