//! Tests from outside: the real binary, real sockets, real components. Rule: a test is named after
//! the row of the requirements that it drives, and fails when that row is broken.
//!
//! # Layout
//! - [`start`]: ports, sign-in, addresses, health (C.1, C.2, C.13)
//! - [`sign_in`]: who may connect, by every method, and who is not heard (C.11)
//! - [`frames`]: what a connection may and may not carry (C.5, C.9, C.10)
//! - [`takeover`]: two connections of one device (C.4)
//! - [`crowd`]: slow readers, half-open handshakes, devices that vanish (C.8)
//! - [`full_house`]: more devices than there is room for (C.8)
//! - [`strangers`]: one address that takes all places of a port
//! - [`activation`]: sockets from a service manager (C.12)
//! - [`signals`]: hang-ups and requests to stop at any moment
//! - [`compiling`]: plugins that take a compiler minutes
//! - [`resume`]: sessions that outlive connections and processes (C.3)
//! - [`modes`]: modes and typed turns (M.1, M.9, M.10)
//! - [`commands`]: what is a command and what is talk, and farewells (M.18, C.17)
//! - [`board`]: the shared board (M.14 to M.17)
//! - [`swap`]: good versions under live sessions (H.2)
//! - [`refusal`]: bad versions that never get to serve (H.1, H.3)
//! - [`fault`]: versions and events that misbehave while they serve (H.3, H.4)
//! - [`reload`]: configuration changes (H.6)
//! - [`strict`]: starts and reloads that are refused, and what is said of it (H.6)
//! - [`pins`]: the content that is pinned for a plugin (H.2)
//! - [`meeting`]: from the first word to the archive (M.3 to M.8)
//! - [`meeting_race`]: any number of ends at any moment give one summary (M.4, M.5)
//! - [`coding`]: insights from logs (M.11 to M.13)
//! - [`conversation`]: turns, memory, interruption (M.2, C.7)
//! - [`hearing`]: what devices say, in every framing and with every recogniser (A.1 to A.7)
//! - [`hearing_nothing`]: what was not said, and what recognisers make of it (A.9)
//! - [`hearing_faults`]: recognisers and voices that fail lastingly (A.6)
//! - [`hearing_framing`]: sound that is not what was announced (A.11)
//! - [`hearing_tls`]: recognisers behind TLS, trusted and not
//! - [`speaking`]: what devices are told aloud, and how it is broken off (A.8)
//! - [`speaking_kinds`]: voices that send other sound than they were asked for (A.8)
//! - [`spoken_command`]: a true recogniser in the loop
//! - [`stock`]: the everyday scene of a stock board (A.9 to A.12, C.16 to C.19)
//! - [`models`]: providers good and bad (L.1 to L.4)
//! - [`models_odd`]: careless services, thinking models, refusals, providers that fail for good (L.6 to L.8, A.6)
//! - [`tools`]: tools of the device
//! - [`hooks`]: what webhooks are sent, and how often (M.8)
//! - [`archive`]: finished work as files (M.7)
//! - [`retention`]: how much of it is kept (M.7)
//! - [`peers`]: messages from device to device (P.1, P.2, P.5)
//! - [`operation`]: figures, health, the operators' interface, service manager, backups
//! - [`zero`]: figures before anything happens
//! - [`alerts`]: alert rules and the dashboard
//! - [`redelivery`]: receivers that drop while they are handed what waited (P.4)
//! - [`hostile`]: clients that mean no good, or are broken
//! - [`growth`]: what devices may make the server keep
//! - [`noise`]: messages of every type that are nearly right (C.10)
//! - [`names`]: folders, links and files that are replaced under the running server (C.20)
//! - [`tls`]: certificates, and how they are renewed
//! - [`logging`]: lines of the log, and what becomes of a server that cannot write them (C.14)
//! - [`following`]: what the log says of a connection and of each turn, as machines read it (C.14)
//! - `traces`: spans for a collector, with the feature `otel`
//! - [`storage_faults`]: full disks, damaged databases
//! - [`clock`]: a system clock that jumps
//! - [`idle`]: silent devices, and what sessions leave behind (C.6, C.7)
//! - [`server_messages`], [`restart`]: orders of the operator's console (C.12)
//! - [`afar`]: what another machine may set, and what stays in the file (C.12)
//! - [`bounds`]: files that are far larger than they may be (C.20)
//! - [`secrets`]: what is said of settings and addresses (C.14)
//! - [`installed`]: the files of `examples/operation`: configuration, units, confinement, backup
//! - [`proxies`]: nginx and Caddy in front of the server
//! - [`verbs`]: commands that ask a running server, plainly and over TLS
//! - [`forget`]: everything of a device given out, and removed for good
//! - [`walk`]: the example client through the README's walk

mod activation;
mod afar;
mod alerts;
mod archive;
mod board;
mod bounds;
mod clock;
mod coding;
mod commands;
mod compiling;
mod conversation;
mod crowd;
mod fault;
mod following;
mod forget;
mod frames;
mod full_house;
mod growth;
mod hearing;
mod hearing_faults;
mod hearing_framing;
mod hearing_nothing;
mod hearing_tls;
mod hooks;
mod hostile;
mod idle;
mod installed;
mod logging;
mod meeting;
mod meeting_race;
mod models;
mod models_odd;
mod modes;
mod names;
mod noise;
mod operation;
mod peers;
mod pins;
mod proxies;
mod redelivery;
mod refusal;
mod reload;
mod restart;
mod resume;
mod retention;
mod secrets;
mod server_messages;
mod sign_in;
mod signals;
mod speaking;
mod speaking_kinds;
mod spoken_command;
mod start;
mod stock;
mod storage_faults;
mod strangers;
mod strict;
mod swap;
mod takeover;
mod tls;
mod tools;
#[cfg(feature = "otel")]
mod traces;
mod verbs;
mod way_back;
mod zero;
