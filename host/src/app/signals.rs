//! What the system asks of the process. Rule: the first request to stop drains, the second ends it;
//! a hang-up opens log files anew and reads the configuration again; and none of them ever meets a program
//! that does not listen.
//!
//! They are blocked from the first line of `main` on, and a mask outlives the execution of a program. So
//! whatever comes while nobody listens (in the first moments of a start, between the two programs of a
//! restart in place) waits in the kernel for whoever listens next. Programs that we start do not inherit the
//! mask: the standard library clears it.

use std::io;
use std::sync::Arc;

use modehost_config::Live;
use modehost_task::run_apart;
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

/// From here on the signals wait for [`Signals::listen`]. To be called before there is a second thread.
///
/// # Errors
/// If the system refuses.
pub fn hold() -> io::Result<()> {
    Ok(set(&[STOP.as_slice(), &RELOAD].concat()).thread_block()?)
}

/// The signals end the process again, as in any program; also one that has come meanwhile.
///
/// # Errors
/// If the system refuses.
pub fn release() -> io::Result<()> {
    Ok(set(&[STOP.as_slice(), &RELOAD].concat()).thread_unblock()?)
}

/// The signals that are listened to.
pub struct Signals {
    stop: AsyncFd<SignalFd>,
    reload: AsyncFd<SignalFd>,
}

impl Signals {
    /// Listens, also to what has come since [`hold`].
    ///
    /// # Errors
    /// If the system refuses.
    pub fn listen() -> io::Result<Self> {
        let open = |signals: &[Signal]| -> io::Result<AsyncFd<SignalFd>> {
            let file = SignalFd::with_flags(&set(signals), SfdFlags::SFD_NONBLOCK | SfdFlags::SFD_CLOEXEC)?;
            // SAFETY: a `SignalFd` owns its descriptor, gives the same one all its life and closes it with itself.
            #[allow(unsafe_code)]
            let registered = unsafe { AsyncFd::register(file) };
            Ok(registered?)
        };
        Ok(Self { stop: open(&STOP)?, reload: open(&RELOAD)? })
    }

    /// Waits for a request to stop and says which it was. Cancelling loses nothing.
    pub async fn stop(&self) -> &'static str {
        match next(&self.stop).await {
            Signal::SIGINT => "interrupted",
            _ => "SIGTERM",
        }
    }

    /// Waits for a request to stop and says which it was; reloads meanwhile.
    pub async fn until_stop(&self, live: &Arc<Live<Settings>>, health: &Health, log: &Log) -> &'static str {
        loop {
            tokio::select! {
                stop = self.stop() => return stop,
                _ = next(&self.reload) => {
                    let again = live.clone();
                    log.reopen();
                    // A line at any rate, so that a log file that was moved away is there again at once.
                    tracing::info!("SIGHUP: log files are opened anew, and the configuration is read again");
                    service::reloading("reading the configuration");
                    // The outcome is logged where it is found, and told once more to whoever shows the state. Whoever wants us to stop does not wait for it.
                    tokio::select! {
                        stop = self.stop() => return stop,
                        _ = run_apart("settings", move || again.refresh()) => {}
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
                tracing::error!(%error, "signals cannot be listened to any more; stop the server with SIGKILL");
                std::future::pending::<()>().await;
            }
        }
    }
}
