//! Owned tasks, and the threads on which modes run and audio is decoded.
//!
//! Rule: this is the only file that starts a task or names a runtime. Every task has an owner, and dropping the owner
//! stops the task. Thread pools never wait for each other: IO (tokio's workers) reads and writes sockets; one pool of
//! [`WorkThreads`] runs sessions and the guests inside them, so that a spinning guest can delay a session but never a
//! pong; another decodes audio.

#![warn(missing_docs)]

use std::future::Future;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use async_executor::{Executor, Task};
use modehost_limits as limits;
use tokio::runtime::{Handle, Runtime};
use tokio::sync::{oneshot, watch};

/// A task on the IO threads. Dropping it aborts the task at its next await.
#[derive(Debug)]
pub struct IoTask<T>(tokio::task::JoinHandle<T>);

impl<T> IoTask<T> {
    /// Waits for the end. `None` if the task panicked or was aborted.
    pub async fn join(mut self) -> Option<T> {
        (&mut self.0).await.ok()
    }

    /// True once the task has ended, for whatever reason.
    pub fn is_finished(&self) -> bool {
        self.0.is_finished()
    }
}

impl<T> Drop for IoTask<T> {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Starts a task on the IO threads. Must be called from within the runtime.
#[must_use = "dropping the handle stops the task"]
pub fn spawn_io<F>(future: F) -> IoTask<F::Output>
where
    F: Future + Send + 'static,
    F::Output: Send + 'static,
{
    // The one place exempt from the ban.
    #[allow(clippy::disallowed_methods)]
    IoTask(tokio::spawn(future))
}

/// Runs a whole program on the IO threads of a runtime while this thread waits: running it here would use one thread
/// more than there are processors. `None` if it panicked.
pub fn run_on_io<F>(runtime: &Runtime, program: F) -> Option<F::Output>
where
    F: Future + Send + 'static,
    F::Output: Send + 'static,
{
    runtime.block_on(async { spawn_io(program).join().await })
}

/// Runs blocking work on tokio's blocking pool, whose size `app` bounds at start. `None` if the work panicked or the
/// runtime is shutting down.
pub async fn run_blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Option<T> {
    #[allow(clippy::disallowed_methods)]
    let task = tokio::task::spawn_blocking(work);
    task.await.ok()
}

/// Runs long work on a thread of its own, so that it does not occupy the blocking pool. `None` if it panicked, or the
/// system refuses a thread. The caller bounds the number of such threads. Cancelling leaves the work running, and a
/// process that ends does not wait for it.
pub async fn run_on_own_thread<T: Send + 'static>(name: &str, work: impl FnOnce() -> T + Send + 'static) -> Option<T> {
    let (done, outcome) = oneshot::channel();
    let io = Handle::current();
    let thread =
        std::thread::Builder::new().name(name.to_owned()).stack_size(limits::WORKER_STACK_BYTES).spawn(move || {
            let _within = io.enter();
            // Fails if the caller has been cancelled: the work is done nevertheless.
            let _ = done.send(work());
        });
    match thread {
        Ok(_) => outcome.await.ok(),
        Err(error) => {
            tracing::error!(%error, thread = name, "the system refuses a thread");
            None
        }
    }
}

/// Tasks on the IO threads that have not ended. Must be called from within the runtime, or from [`run_blocking`] and
/// [`run_on_own_thread`].
pub fn count_io_tasks() -> usize {
    Handle::current().metrics().num_alive_tasks()
}

/// A set of tasks that ends with its owner: connections of a listener, helpers of a session.
#[derive(Debug, Default)]
pub struct IoTasks(tokio::task::JoinSet<()>);

impl IoTasks {
    /// Starts a task in the set and removes those that have ended.
    pub fn spawn(&mut self, future: impl Future<Output = ()> + Send + 'static) {
        while self.0.try_join_next().is_some() {}
        self.0.spawn(future);
    }

    /// Tasks that have not been seen to end.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// True if there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Waits until one has ended; `None` if there is none.
    pub async fn next_end(&mut self) -> Option<()> {
        self.0.join_next().await.map(|_| ())
    }
}

/// A task on work threads: a session, an audio pipeline. Dropping it stops the task between two polls.
pub type WorkTask = Task<()>;

/// Threads on which sessions and guests run, or on which audio is decoded. They are plain threads, not runtime workers:
/// guest calls are synchronous, and the WASI of a guest may have to block for a moment, which tokio forbids on its own
/// workers. Idle threads steal tasks from one that a guest blocks.
pub struct WorkThreads {
    executor: Arc<Executor<'static>>,
    /// Dropping it ends the threads.
    stop: Option<watch::Sender<()>>,
    threads: Vec<std::thread::JoinHandle<()>>,
}

impl WorkThreads {
    /// Starts `count` threads (at least one), named `name` and a number. Tasks use the timers of `io`.
    ///
    /// # Errors
    /// If the system refuses a thread.
    pub fn start(name: &str, count: usize, io: &Handle) -> io::Result<Self> {
        let executor = Arc::new(Executor::new());
        let (stop, stopped) = watch::channel(());
        let mut threads = Vec::new();
        for number in 0..count.max(1) {
            let (executor, stopped, io) = (executor.clone(), stopped.clone(), io.clone());
            let thread = std::thread::Builder::new()
                .name(format!("{name}-{number}"))
                .spawn(move || run(&executor, stopped, &io))?;
            threads.push(thread);
        }
        Ok(Self { executor, stop: Some(stop), threads })
    }

    /// Starts a task on these threads.
    #[must_use = "dropping the task stops it"]
    pub fn spawn(&self, future: impl Future<Output = ()> + Send + 'static) -> WorkTask {
        self.executor.spawn(future)
    }
}

/// The main loop of one thread. A panic costs the task in which it happened, not the thread.
fn run(executor: &Executor<'static>, mut stopped: watch::Receiver<()>, io: &Handle) {
    let _timers = io.enter();
    loop {
        let life = AssertUnwindSafe(|| {
            futures_lite::future::block_on(executor.run(async {
                let _ = stopped.changed().await;
            }));
        });
        match catch_unwind(life) {
            Ok(()) => return,
            Err(_) => tracing::error!("a session or audio task panicked and has ended; its device must reconnect"),
        }
    }
}

impl Drop for WorkThreads {
    fn drop(&mut self) {
        self.stop.take();
        // The last owner may be a session, which then drops this on one of these very threads; that thread ends by
        // itself after the session.
        let here = std::thread::current().id();
        for thread in self.threads.drain(..).filter(|thread| thread.thread().id() != here) {
            let _ = thread.join();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_costs_one_task_and_timers_work() {
        let io = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("runtime");
        let threads = WorkThreads::start("mode", 1, io.handle()).expect("threads");
        let (sender, receiver) = std::sync::mpsc::sync_channel(1);
        threads.spawn(async { panic!("on purpose") }).detach();
        threads
            .spawn(async move {
                tokio::time::sleep(std::time::Duration::from_millis(1)).await;
                let _ = sender.send(7);
            })
            .detach();
        assert_eq!(receiver.recv_timeout(std::time::Duration::from_secs(5)), Ok(7));
    }
}
