//! End-to-end tests: the real binary, real sockets, real components. Rule: a test is named after the row of the
//! requirements that it covers, and fails when that row is broken.
//!
//! # Layout
//! - [`start`]: ports, sign-in, addresses, health (C.1, C.2, C.13)
//! - [`sign_in`]: sign-in by every method, rejections, lockout (C.11)
//! - [`frames`]: valid and invalid frames of a connection (C.5, C.9, C.10)
//! - [`takeover`]: two connections of one device (C.4)
//! - [`slow_clients`]: slow readers, half-open handshakes, devices that vanish (C.8)
//! - [`connection_limit`]: more devices than the server accepts (C.8)
//! - [`address_limits`]: one address that uses up all connections of a port
//! - [`activation`]: sockets from a service manager (C.12)
//! - [`signals`]: SIGHUP and SIGTERM at any moment
//! - [`slow_compilation`]: plugins that take minutes to compile
//! - [`resume`]: sessions that outlive connections and processes (C.3)
//! - [`modes`]: modes and typed turns (M.1, M.9, M.10)
//! - [`commands`]: which utterances are commands, and farewells (M.18, C.17)
//! - [`board`]: the shared board (M.14 to M.17)
//! - [`authoring`]: an author outside the repository, from an empty directory to a swap
//! - [`author_documents`]: every block of the pages for authors, played as it is read
//! - [`author`]: what both use: the binary, `dev` and its output
//! - [`install`]: plugins from files and addresses
//! - [`api_fuzz`]: the operators' API against its own document
//! - [`console`]: the page for operators, as files and in a browser
//! - [`config_file`]: the configuration file as operators edit it
//! - [`device_control`]: tools, sounds and silence for a device, by operators
//! - [`kept`]: finished work and documents, as operators read them
//! - [`provider_tests`]: the test bench of the providers
//! - [`upload`]: plugins that operators send to a running server
//! - [`viewers`]: who only looks, and how often anybody may call
//! - [`watch`]: what a mode does, shown while it does it
//! - [`swap`]: good versions under live sessions (H.2)
//! - [`rejected_versions`]: bad versions that never serve (H.1, H.3)
//! - [`guest_effects`]: effects and events that no bundled mode uses
//! - [`plugin_faults`]: versions and events that fault while they serve (H.3, H.4)
//! - [`rollback`]: rollback of a bad version, with restarts in between (H.3)
//! - [`reload`]: configuration changes (H.6)
//! - [`strict_start`]: starts and reloads that are rejected, and how that is reported (H.6)
//! - [`pins`]: content hashes that plugins are pinned to (H.2)
//! - [`meeting`]: from the first snippet to the archive (M.3 to M.8)
//! - [`meeting_race`]: concurrent ends of a meeting give one summary (M.4, M.5)
//! - [`coding`]: insights from logs (M.11 to M.13)
//! - [`conversation`]: turns, memory, interruption (M.2, C.7)
//! - [`asr`]: speech recognition, in every framing and with every recogniser (A.1 to A.7)
//! - [`asr_silence`]: silence and non-speech, and what recognisers make of it (A.9)
//! - [`asr_faults`]: recognisers and TTS services that fail persistently (A.6)
//! - [`audio_framing`]: audio in another framing or format than announced (A.11)
//! - [`asr_tls`]: recognisers behind TLS, trusted and not
//! - [`tts`]: speech output and its interruption (A.8)
//! - [`tts_formats`]: TTS services that send other formats than requested (A.8)
//! - [`spoken_command`]: a real recogniser in the loop
//! - [`stock_firmware`]: everyday use of a stock board (A.9 to A.12, C.16 to C.19)
//! - [`llm`]: model providers good and bad (L.1 to L.4)
//! - [`llm_quirks`]: careless services, thinking models, rejections, permanent failures (L.6 to L.8, A.6)
//! - [`tools`]: MCP tools of the device
//! - [`hooks`]: contents and retries of webhooks (M.8)
//! - [`archive`]: finished work as files (M.7)
//! - [`retention`]: how much of it is kept (M.7)
//! - [`peers`]: messages from device to device (P.1, P.2, P.5)
//! - [`operation`]: metrics, health, the admin API, service manager, backups
//! - [`initial_metrics`]: metrics before anything happens
//! - [`alerts`]: alert rules and the dashboard
//! - [`redelivery`]: receivers that disconnect while their backlog is delivered (P.4)
//! - [`hostile`]: malicious and broken clients
//! - [`storage_quotas`]: bounds of what devices can make the server store
//! - [`malformed_messages`]: messages of every type that are nearly valid (C.10)
//! - [`replaced_paths`]: directories, links and files that are replaced under the running server (C.20)
//! - [`tls`]: certificates and their renewal
//! - [`logging`]: log lines, and a server that cannot write them (C.14)
//! - [`log_events`]: log events of connections and turns, as machines read them (C.14)
//! - `traces`: spans for a collector
//! - [`storage_faults`]: full disks, damaged databases
//! - [`clock`]: a system clock that jumps
//! - [`idle`]: silent devices, and resources that sessions leave behind (C.6, C.7)
//! - [`server_messages`], [`restart`]: commands of the operator's console (C.12)
//! - [`remote_config`]: what remote configuration may set (C.12)
//! - [`oversized_files`]: files far above their size limit (C.20)
//! - [`secrets`]: output about settings and addresses (C.14)
//! - [`installed`]: the files of `examples/operation`: configuration, units, sandboxing, backup
//! - [`proxies`]: nginx and Caddy in front of the server
//! - [`registry`]: plugins from OCI registries, a real one and one that lies
//! - [`cli`]: commands that query a running server, without and with TLS
//! - [`forget`]: export and deletion of everything stored about a device

mod activation;
mod address_limits;
mod alerts;
mod api_fuzz;
mod archive;
mod asr;
mod asr_faults;
mod asr_silence;
mod asr_tls;
mod audio_framing;
mod author;
mod author_documents;
mod authoring;
mod board;
mod cli;
mod clock;
mod coding;
mod commands;
mod config_file;
mod connection_limit;
mod console;
mod conversation;
mod device_control;
mod forget;
mod frames;
mod guest_effects;
mod hooks;
mod hostile;
mod idle;
mod initial_metrics;
mod install;
mod installed;
mod kept;
mod llm;
mod llm_quirks;
mod log_events;
mod logging;
mod malformed_messages;
mod meeting;
mod meeting_race;
mod modes;
mod operation;
mod oversized_files;
mod peers;
mod pins;
mod plugin_faults;
mod provider_tests;
mod proxies;
mod redelivery;
mod registry;
mod rejected_versions;
mod reload;
mod remote_config;
mod replaced_paths;
mod restart;
mod resume;
mod retention;
mod rollback;
mod secrets;
mod server_messages;
mod sign_in;
mod signals;
mod slow_clients;
mod slow_compilation;
mod spoken_command;
mod start;
mod stock_firmware;
mod storage_faults;
mod storage_quotas;
mod strict_start;
mod swap;
mod takeover;
mod tls;
mod tools;
mod traces;
mod tts;
mod tts_formats;
mod upload;
mod viewers;
mod watch;
