//! Words to the service manager that started the server, if one did (`NOTIFY_SOCKET`).
//!
//! Rule: a sign of life is sent only when a task on the IO threads has had an answer from a mode
//! thread, so that a process which is there and does nothing is noticed. Where nobody listens, or
//! the manager does not take a word, the server goes on.

use std::sync::Weak;
use std::time::Duration;

use crate::limits;
use modehost_gateway::Readiness;
use modehost_task::WorkThreads;
use sd_notify::NotifyState;
use tokio::sync::oneshot;
use tokio::time::{MissedTickBehavior, interval, timeout};

/// The start is over, or a reload: devices are served.
pub fn ready(readiness: &Readiness) {
    tell(&[NotifyState::Ready, NotifyState::Status(&sentence(readiness))]);
}

/// What the service manager shows beside the state.
pub fn status(readiness: &Readiness) {
    tell(&[NotifyState::Status(&sentence(readiness))]);
}

fn sentence(readiness: &Readiness) -> String {
    let why = readiness.not_ready.first().map(|why| format!("serving, not ready: {why}"));
    let why = why.or_else(|| readiness.notes.first().map(|note| format!("serving; {note}")));
    why.unwrap_or_else(|| "serving".to_owned())
}

/// Sessions are being saved; the end follows.
pub fn stopping() {
    tell(&[NotifyState::Stopping, NotifyState::Status("saving sessions")]);
}

/// The configuration is read anew, or the process replaces itself; [`ready`] follows.
pub fn reloading(what: &str) {
    // Newer managers want the time beside the word, and refuse the reload without it.
    match NotifyState::monotonic_usec_now() {
        Ok(now) => tell(&[NotifyState::Reloading, now, NotifyState::Status(what)]),
        Err(error) => tracing::debug!(%error, "the service manager is not told of a reload"),
    }
}

/// Sends signs of life, if the service manager wants them, as long as it runs.
pub async fn keep_alive(threads: Weak<WorkThreads>) {
    let Some(patience) = sd_notify::watchdog_enabled().filter(|patience| !patience.is_zero()) else { return };
    tracing::info!(seconds = patience.as_secs_f64(), "the service manager wants signs of life");
    let every = patience / limits::WATCHDOG_SHARE;
    let mut tick = interval(every);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tick.tick().await;
        let Some(threads) = threads.upgrade() else { return };
        if is_alive(&threads, every).await {
            tell(&[NotifyState::Watchdog]);
        } else {
            tracing::error!("no mode thread has answered within {} ms; no sign of life is sent", every.as_millis());
        }
    }
}

/// Whether a mode thread does what it is given within `patience`.
async fn is_alive(threads: &WorkThreads, patience: Duration) -> bool {
    let (answer, answered) = oneshot::channel();
    let _asked = threads.spawn(async move {
        // Nobody listens once the patience is over.
        let _ = answer.send(());
    });
    matches!(timeout(patience, answered).await, Ok(Ok(())))
}

fn tell(words: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(words) {
        tracing::debug!(%error, "the service manager did not take a word");
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
        let (release, held) = std::sync::mpsc::sync_channel::<()>(1);
        let hung = threads.spawn(async move {
            let _ = held.recv();
        });
        assert!(!is_alive(&threads, Duration::from_millis(200)).await);
        release.send(()).expect("held");
        hung.await;
        assert!(is_alive(&threads, Duration::from_secs(10)).await);
    }
}
