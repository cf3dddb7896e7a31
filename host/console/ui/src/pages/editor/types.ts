// Answers of the configuration's file. Rule: the server's own names.

export interface ConfigFile {
  /** Null: no file is in use. */
  file: string | null;
  text: string;
  version: string;
  writable: boolean;
  why: string | null;
}

export interface Checked {
  changed: string[];
  needs_restart: string[];
}

export interface Written {
  changed: boolean;
  needs_restart: string[];
  version: string;
}
