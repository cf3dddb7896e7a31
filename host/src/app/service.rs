//! Notifications to the service manager (systemd `NOTIFY_SOCKET`).
//!
//! Rule: the watchdog is notified only after a task on the IO threads has had a reply from a mode thread, so that a
//! hanging process is noticed. A missing or failing socket is not an error.

use std::sync::Weak;
use std::time::Duration;

use crate::limits;
use modehost_gateway::Readiness;
use modehost_task::WorkThreads;
use sd_notify::NotifyState;
use tokio::sync::oneshot;
use tokio::time::{MissedTickBehavior, interval, timeout};

/// The start or a reload is complete: devices are served.
pub fn ready(readiness: &Readiness) {
    notify(&[NotifyState::Ready, NotifyState::Status(&sentence(readiness))]);
}

/// Updates the status line of the service manager.
pub fn status(readiness: &Readiness) {
    notify(&[NotifyState::Status(&sentence(readiness))]);
}

fn sentence(readiness: &Readiness) -> String {
    let why = readiness.not_ready.first().map(|why| format!("serving, not ready: {why}"));
    let why = why.or_else(|| readiness.warnings.first().map(|note| format!("serving; {note}")));
    why.unwrap_or_else(|| "serving".to_owned())
}

/// The shutdown has begun: sessions are being saved.
pub fn stopping() {
    notify(&[NotifyState::Stopping, NotifyState::Status("saving sessions")]);
}

/// A reload or a restart in place begins; [`ready`] follows.
pub fn reloading(what: &str) {
    // With `Type=notify-reload`, systemd requires `MONOTONIC_USEC` beside `RELOADING=1`.
    match NotifyState::monotonic_usec_now() {
        Ok(now) => notify(&[NotifyState::Reloading, now, NotifyState::Status(what)]),
        Err(error) => tracing::debug!(%error, "cannot notify the service manager of a reload"),
    }
}

/// Notifies the watchdog, if the service manager has one enabled, as long as the mode threads exist.
pub async fn run_watchdog(threads: Weak<WorkThreads>) {
    let Some(max_wait) = sd_notify::watchdog_enabled().filter(|max_wait| !max_wait.is_zero()) else { return };
    tracing::info!(seconds = max_wait.as_secs_f64(), "watchdog of the service manager is enabled");
    let every = max_wait / limits::WATCHDOG_PINGS;
    let mut tick = interval(every);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tick.tick().await;
        let Some(threads) = threads.upgrade() else { return };
        if is_alive(&threads, every).await {
            notify(&[NotifyState::Watchdog]);
        } else {
            tracing::error!("no mode thread has replied within {} ms; the watchdog is not notified", every.as_millis());
        }
    }
}

/// Whether a mode thread completes a task within `max_wait`.
async fn is_alive(threads: &WorkThreads, max_wait: Duration) -> bool {
    let (answer, answered) = oneshot::channel();
    let _asked = threads.spawn(async move {
        // The receiver is gone after a timeout.
        let _ = answer.send(());
    });
    matches!(timeout(max_wait, answered).await, Ok(Ok(())))
}

fn notify(states: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(states) {
        tracing::debug!(%error, "cannot notify the service manager");
    }
}

#[cfg(test)]
mod tests {
    use tokio::runtime::Handle;

    use super::*;

    #[tokio::test(flavor = "multi_thread", worker_threads = 1)]
    async fn a_thread_that_hangs_is_noticed() {
        let threads = WorkThreads::start("mode", 1, &Handle::current()).expect("threads");
        assert!(is_alive(&threads, Duration::from_secs(10)).await);
        let (release, blocked) = std::sync::mpsc::sync_channel::<()>(1);
        let hung = threads.spawn(async move {
            let _ = blocked.recv();
        });
        assert!(!is_alive(&threads, Duration::from_millis(200)).await);
        release.send(()).expect("held");
        hung.await;
        assert!(is_alive(&threads, Duration::from_secs(10)).await);
    }
}
