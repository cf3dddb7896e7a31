// What /api/v1 answers, as its OpenAPI document and its streams have it. Rule: members that an older server does not
// send are optional here, so that no page can forget them.
export interface Warning {
  setting: string;
  message: string;
}

/** Something that the server can do without, and how people would notice. */
export interface Missing {
  code: string;
  setting: string;
  message: string;
}

export interface Status {
  version: string;
  uptime_s: number;
  ready: boolean;
  not_ready: string[];
  notes: string[];
  warnings: Warning[];
  waiting_for_restart: string[];
  missing?: Missing[];
  devices_url?: string;
  ota_url?: string;
}

export interface Session {
  device: string;
  connected: boolean;
  mode?: string | null;
  live_instances: number;
  /** Null where the server is alone. */
  node?: string | null;
}

export type TurnKind = 'utterance' | 'typed' | 'wake_word' | 'message';
export type TurnOutcome = 'answered' | 'interrupted' | 'failed' | 'nothing';

/** A turn that has ended. Times count from the end of what the user said or sent. */
export interface Turn {
  turn: number;
  at: number;
  kind: TurnKind;
  plugin?: string | null;
  generation?: number | null;
  recognition_ms?: number | null;
  model_first_ms?: number | null;
  model_ms?: number | null;
  first_sound_ms?: number | null;
  total_ms: number;
  outcome: TurnOutcome;
  why?: string | null;
}

/** A turn and whose it was. */
export interface DeviceTurn extends Turn {
  device: string;
}

export interface Connection {
  number: number;
  address: string;
  client: string;
  protocol_version?: number | null;
  since: number;
}

export interface Features {
  mcp: boolean;
  faces: boolean;
  version?: number | null;
  codec: string;
  sample_rate: number;
}

/** A plugin's handler in a session. */
export interface Handler {
  plugin: string;
  version: string;
  generation: number;
  contract?: string | null;
  mode?: string | null;
  live: boolean;
  requests: number;
  timers: number;
}

export interface Waiting {
  from_device: number;
  outbox_frames: number;
  outbox_bytes: number;
  held: number;
  queue: number;
}

export interface Tool {
  name: string;
  description?: string;
}

export interface SessionDetail {
  device: string;
  session?: string | null;
  connected: boolean;
  away_since?: number | null;
  connection?: Connection | null;
  features?: Features | null;
  knows_extensions: boolean;
  mode?: string | null;
  plugins?: Handler[] | null;
  waiting: Waiting;
  turns: Turn[];
  tools?: (Tool | string)[] | null;
  groups?: string[] | null;
}

export interface ModeOffer {
  name: string;
  aliases: string[];
  description: string;
  phrases: string[];
}

export type GenerationState =
  | 'active'
  | 'trial'
  | 'candidate'
  | 'fallback'
  | 'rolled-back'
  | 'refused'
  | 'compiling';

/** A generation of a plugin, or a file that was refused. */
export interface Generation {
  id: string;
  version: string;
  track?: string | null;
  generation?: number | null;
  sha8: string;
  file: string;
  state: GenerationState;
  reason?: string | null;
  percent?: number | null;
  loaded_at: number;
  calls: number;
  faults: number;
  last_fault?: string | null;
  sessions_gone_back: number;
  modes: string[];
  mode_offers: ModeOffer[];
  message_types: string[];
  grants: string[];
  /** Where it stands so; empty where the server is alone. */
  nodes?: string[];
}

export type Json = null | boolean | number | string | Json[] | { [member: string]: Json };

export interface Setting {
  setting: string;
  value: Json;
  origin: string;
  waits_for_restart: boolean;
}

export interface Configuration {
  file?: string | null;
  needs_restart: string[];
  settings: Setting[];
}

export interface Reloaded {
  changed: boolean;
  needs_restart: string[];
}

export interface StoredFile {
  what: string;
  path: string;
  bytes: number;
}

export interface Amount {
  rows: number;
  bytes: number;
}

export interface Stores {
  [store: string]: Amount | [string, number][] | number;
}

export interface Storage {
  files: StoredFile[];
  stores: Stores;
  disk_free_bytes: number;
  limits: { database_mib: number; queue_mib: number; plugin_cache_mib: number };
}

export interface Compacted {
  bytes_before: number;
  bytes_after: number;
  journals: number;
  messages: number;
  left: string[];
}

export interface Forgotten {
  device: string;
  removed: { [kind: string]: number };
  left: string[];
}

export type NodeStage = 'serving' | 'draining' | 'drained' | 'silent' | 'gone';

/** A node of the cluster; a server that is alone is one without a name. */
export interface NodeRow {
  node: string | null;
  id: string | null;
  stage: NodeStage;
  asked: boolean;
  gone_since: number | null;
  own: null | {
    version: string;
    uptime_s: number;
    ready: boolean;
    not_ready: string[];
    connected: number;
    sessions: number;
    applied: number | null;
  };
}

/** Figures of the whole server, from the feed. */
export interface Figures {
  at: number;
  connected: number;
  sessions: number;
  turns: number;
  turns_left_out?: number;
  uptime_s: number;
}

export type FeedLine =
  | ({ type: 'overview' } & Figures)
  | { type: 'turn'; device: string; record: Turn }
  | { type: 'plugins'; plugins: Generation[] }
  | { type: 'end'; why: string };

/** One call of a mode, from a watch. */
export interface Call {
  at: number;
  device: string;
  plugin: string;
  generation: number;
  version: string;
  event: string;
  effects: string[];
  outcome?: 'handled' | 'rejected' | 'skipped' | 'lost';
  took_us?: number;
  us?: number;
  memory_bytes: number;
  state_bytes?: number | null;
  fault?: string | null;
  content?: Json;
  detail?: Json;
}

export type WatchLine =
  | { type: 'begin'; dialogue: boolean }
  | ({ type?: 'call' } & Call)
  | { type: 'turn'; device: string; record: Turn }
  | { type: 'missed'; records: number }
  | { type: 'end'; why: string };
