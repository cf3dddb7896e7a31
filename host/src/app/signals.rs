//! Process signals. Rule: the first SIGTERM or SIGINT drains, the second one ends the process; SIGHUP reopens log files
//! and reloads the configuration; and no signal is ever lost or kills a process that is not listening yet.
//!
//! The signals are blocked from the first line of `main` on, and a signal mask survives `execve`. So a signal that
//! arrives while nobody listens (early in a start, or between the two programs of a restart in place) stays pending in
//! the kernel. Child processes do not inherit the mask: the standard library clears it.

use std::io;
use std::sync::Arc;

use modehost_config::Live;
use modehost_task::run_on_own_thread;
use nix::sys::signal::{SigSet, Signal};
use nix::sys::signalfd::{SfdFlags, SignalFd};
use tokio::io::unix::AsyncFd;

use super::health::Health;
use super::service;
use crate::log::Log;
use crate::settings::Settings;

const STOP: [Signal; 2] = [Signal::SIGTERM, Signal::SIGINT];
const RELOAD: [Signal; 1] = [Signal::SIGHUP];

fn set(signals: &[Signal]) -> SigSet {
    signals.iter().copied().collect()
}

/// Blocks the signals, which then stay pending until [`Signals::listen`]. Must be called before there is a second
/// thread.
///
/// # Errors
/// If the system call fails.
pub fn block() -> io::Result<()> {
    Ok(set(&[STOP.as_slice(), &RELOAD].concat()).thread_block()?)
}

/// Restores the default action, which ends the process, also for a signal that is pending.
///
/// # Errors
/// If the system call fails.
pub fn unblock() -> io::Result<()> {
    Ok(set(&[STOP.as_slice(), &RELOAD].concat()).thread_unblock()?)
}

/// The file descriptors from which signals are read.
pub struct Signals {
    stop: AsyncFd<SignalFd>,
    reload: AsyncFd<SignalFd>,
}

impl Signals {
    /// Listens, also for signals that are pending since [`block`].
    ///
    /// # Errors
    /// If the system call fails.
    pub fn listen() -> io::Result<Self> {
        let open = |signals: &[Signal]| -> io::Result<AsyncFd<SignalFd>> {
            let file = SignalFd::with_flags(&set(signals), SfdFlags::SFD_NONBLOCK | SfdFlags::SFD_CLOEXEC)?;
            // SAFETY: a `SignalFd` owns its descriptor, returns the same one for its whole life and closes it on drop.
            #[allow(unsafe_code)]
            let registered = unsafe { AsyncFd::register(file) };
            Ok(registered?)
        };
        Ok(Self { stop: open(&STOP)?, reload: open(&RELOAD)? })
    }

    /// Waits for a stop request and returns its name. Cancelling loses nothing.
    pub async fn stop(&self) -> &'static str {
        match next(&self.stop).await {
            Signal::SIGINT => "interrupted",
            _ => "SIGTERM",
        }
    }

    /// Waits for a stop request and returns its name; handles reloads meanwhile.
    pub async fn until_stop(&self, live: &Arc<Live<Settings>>, health: &Health, log: &Log) -> &'static str {
        loop {
            tokio::select! {
                stop = self.stop() => return stop,
                _ = next(&self.reload) => {
                    let again = live.clone();
                    log.reopen();
                    // Always log a line, so that a log file that was moved away is recreated at once.
                    tracing::info!("SIGHUP: reopening log files and reloading the configuration");
                    service::reloading("reading the configuration");
                    // The outcome is logged by the reload itself and recorded in `/readyz`. A stop request does not
                    // wait for it.
                    tokio::select! {
                        stop = self.stop() => return stop,
                        _ = run_on_own_thread("settings", move || again.refresh()) => {}
                    }
                    health.reloaded(live.reloads().borrow().as_ref());
                    service::ready(&health.subscribe().borrow());
                }
            }
        }
    }
}

/// The next signal of a set. Cancelling loses nothing.
async fn next(signals: &AsyncFd<SignalFd>) -> Signal {
    loop {
        let read = async {
            let mut ready = signals.readable().await?;
            let read = ready.get_inner().read_signal()?;
            if read.is_none() {
                ready.clear_ready();
            }
            Ok::<_, io::Error>(read)
        };
        match read.await {
            Ok(Some(info)) => {
                if let Ok(signal) = i32::try_from(info.ssi_signo).map(Signal::try_from) {
                    return signal.unwrap_or(Signal::SIGTERM);
                }
            }
            Ok(None) => {}
            Err(error) => {
                tracing::error!(%error, "cannot read signals any more; stop the server with SIGKILL");
                std::future::pending::<()>().await;
            }
        }
    }
}
