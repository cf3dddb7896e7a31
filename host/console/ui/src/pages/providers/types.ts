// What /api/v1/providers answers. Rule: as the server has it.
export type ProviderKind = 'recogniser' | 'model' | 'voice';

export interface Provider {
  kind: ProviderKind;
  name: string;
  model: string | null;
  address: string | null;
  purposes: string[];
  state: string;
  /** The section of its settings. */
  setting: string;
}

export interface Providers {
  providers: Provider[];
}

/** Text of a model or a recogniser. */
export interface TextAnswer {
  text: string;
  duration_ms?: number | null;
  first_ms: number | null;
  took_ms: number;
  error: string | null;
}

/** Sound of a voice. */
export interface SoundAnswer {
  audio: string | null;
  sample_rate: number;
  duration_ms: number;
  first_ms: number | null;
  took_ms: number;
  error: string | null;
}
