//! What the system asks of the process. Rule: the first request to stop drains, the second ends it;
//! a hang-up opens log files anew and reads the configuration again.

use std::sync::Arc;

use modehost_config::Live;
use modehost_task::run_blocking;
use tokio::signal::unix::{Signal, SignalKind, signal};

use super::service;
use crate::log::Log;
use crate::settings::Settings;

/// The signals that are listened to.
pub struct Signals {
    terminate: Signal,
    interrupt: Signal,
    hang_up: Signal,
}

impl Signals {
    /// From here on the signals no longer end the process.
    ///
    /// # Errors
    /// If the system refuses.
    pub fn listen() -> std::io::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            hang_up: signal(SignalKind::hangup())?,
        })
    }

    /// Waits for a request to stop and says which it was. Cancelling loses nothing.
    pub async fn stop(&mut self) -> &'static str {
        tokio::select! {
            _ = self.terminate.recv() => "SIGTERM",
            _ = self.interrupt.recv() => "interrupted",
        }
    }

    /// Waits for a request to stop and says which it was; reloads meanwhile.
    pub async fn until_stop(&mut self, live: &Arc<Live<Settings>>, log: &Log) -> &'static str {
        loop {
            tokio::select! {
                _ = self.terminate.recv() => return "SIGTERM",
                _ = self.interrupt.recv() => return "interrupted",
                _ = self.hang_up.recv() => {
                    let live = live.clone();
                    log.reopen();
                    // A line at any rate, so that a log file that was moved away is there again at once.
                    tracing::info!("SIGHUP: log files are opened anew, and the configuration is read again");
                    service::reloading("reading the configuration");
                    // The outcome is logged where it is found. Whoever wants us to stop does not wait for it.
                    tokio::select! {
                        stop = self.stop() => return stop,
                        _ = run_blocking(move || live.refresh()) => service::ready(),
                    }
                }
            }
        }
    }
}
