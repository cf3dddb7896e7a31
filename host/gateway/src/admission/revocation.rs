//! Re-checks the sign-ins of open connections. Rule: a connection that would fail to sign in under the current settings
//! or keys is closed soon; one that would succeed notices nothing, and an expired token or an unavailable provider
//! revokes nothing.

use std::collections::HashMap;
use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::limits;
use futures_util::stream::{self, StreamExt};
use modehost_auth::{Claim, SignIn};
use modehost_follow::Stamp;
use modehost_ids::{ClientId, ConnectionId, DeviceId};
use modehost_session::Registry;
use modehost_task::{IoTask, run_blocking, spawn_io};
use parking_lot::Mutex;
use tokio::sync::{Notify, watch};
use tokio::time::{Instant, sleep};

use crate::identity::Identity;
use crate::log_rate::LogRateLimiter;
use crate::settings::GatewaySettings;

/// All open connections with the credentials of their sign-in.
pub(crate) struct RevocationMonitor {
    registry: Arc<Registry>,
    settings: watch::Receiver<Arc<GatewaySettings>>,
    open: Mutex<HashMap<ConnectionId, OpenConnection>>,
    /// Incremented with every change that may revoke a sign-in.
    epoch: AtomicU64,
    /// Notified when a connection signed in under settings that have changed since.
    stale: Notify,
}

/// The credentials of one connection.
#[derive(Clone)]
struct OpenConnection {
    device: DeviceId,
    client: ClientId,
    token: Option<Arc<str>>,
    token_in_query: bool,
    address: IpAddr,
    /// The last epoch in which the sign-in was valid; 0: never checked under the current settings.
    epoch: u64,
}

/// Registration of one open connection; removed on drop.
pub(crate) struct Registration {
    monitor: Arc<RevocationMonitor>,
    connection: ConnectionId,
}

impl Drop for Registration {
    fn drop(&mut self) {
        self.monitor.open.lock().remove(&self.connection);
    }
}

static LOG_LIMIT: LogRateLimiter = LogRateLimiter::new(limits::SIGN_IN_LOG_LINES);

impl RevocationMonitor {
    /// Starts with no connection; the task closes connections with revoked sign-ins until it is dropped.
    pub fn watch(registry: Arc<Registry>, settings: watch::Receiver<Arc<GatewaySettings>>) -> (Arc<Self>, IoTask<()>) {
        let (open, epoch, stale) = (Mutex::default(), AtomicU64::new(1), Notify::new());
        let monitor = Arc::new(Self { registry, settings, open, epoch, stale });
        let task = spawn_io(run(monitor.clone()));
        (monitor, task)
    }

    /// Registers an attached connection that signed in under `settings`.
    pub fn register(
        self: &Arc<Self>,
        connection: ConnectionId,
        identity: Identity,
        address: IpAddr,
        settings: &GatewaySettings,
    ) -> Registration {
        let Identity { device, client, token, token_in_query, .. } = identity;
        let epoch = self.epoch.load(Ordering::Acquire);
        let token = token.map(Into::into);
        let entry = OpenConnection { device, client, token, token_in_query, address, epoch };
        let is_current = settings.sign_in.has_same_config(&self.settings.borrow().sign_in);
        self.open.lock().insert(connection, OpenConnection { epoch: if is_current { epoch } else { 0 }, ..entry });
        if !is_current {
            self.stale.notify_one();
        }
        Registration { monitor: self.clone(), connection }
    }

    /// Re-checks all connections that have not been checked in the current epoch.
    async fn recheck(&self) {
        let epoch = self.epoch.load(Ordering::Acquire);
        let open: Vec<(ConnectionId, OpenConnection)> = {
            let open = self.open.lock();
            let unchecked = open.iter().filter(|(_, entry)| entry.epoch < epoch);
            unchecked.map(|(connection, entry)| (*connection, entry.clone())).collect()
        };
        if open.is_empty() {
            return;
        }
        let settings = self.settings.borrow().clone();
        let recheck_one = |(connection, entry): (ConnectionId, OpenConnection)| {
            let settings = settings.clone();
            async move {
                let token = entry.token.as_deref().filter(|_| settings.query_tokens || !entry.token_in_query);
                let OpenConnection { device, client, address, .. } = &entry;
                let claim = Claim { device, client, token, address: *address };
                if let Err(denial) = settings.sign_in.recheck(claim).await {
                    if let Some(left_out) = LOG_LIMIT.try_acquire() {
                        let method = denial.method;
                        tracing::warn!(
                            %device, connection = connection.0, method, left_out,
                            "the sign-in of an open connection was revoked: {}", denial.reason
                        );
                    }
                    self.registry.kick_connection(device, connection, "the sign-in of this device was revoked");
                }
                if let Some(entry) = self.open.lock().get_mut(&connection) {
                    entry.epoch = epoch;
                }
            }
        };
        stream::iter(open).for_each_concurrent(limits::CONCURRENT_RECHECKS, recheck_one).await;
    }
}

/// Re-checks after each change of the settings, and when key files have been reloaded.
async fn run(monitor: Arc<RevocationMonitor>) {
    let mut changes = monitor.settings.clone();
    let mut sign_in = changes.borrow_and_update().sign_in.clone();
    let mut files = key_file_stamps(&sign_in).await;
    let mut reload_due: Option<Instant> = None;
    loop {
        tokio::select! {
            changed = changes.changed() => {
                if changed.is_err() {
                    return;
                }
                let new = changes.borrow_and_update().sign_in.clone();
                if !new.has_same_config(&sign_in) {
                    monitor.epoch.fetch_add(1, Ordering::AcqRel);
                    files = key_file_stamps(&new).await;
                }
                sign_in = new;
            }
            () = monitor.stale.notified() => {}
            () = sleep(limits::KEY_FILE_POLL_INTERVAL) => {
                let current = key_file_stamps(&sign_in).await;
                if current != files {
                    files = current;
                    // Until then sign-in still uses the keys of the previous read.
                    reload_due = Some(Instant::now() + limits::KEY_FILE_TTL);
                }
                if reload_due.is_some_and(|reload_due| Instant::now() >= reload_due) {
                    reload_due = None;
                    monitor.epoch.fetch_add(1, Ordering::AcqRel);
                }
            }
        }
        monitor.recheck().await;
    }
}

/// Stamps of the key files, by which a changed file is detected.
async fn key_file_stamps(sign_in: &SignIn) -> Vec<Option<Stamp>> {
    let files: Vec<PathBuf> = sign_in.key_files().map(ToOwned::to_owned).collect();
    if files.is_empty() {
        return Vec::new();
    }
    run_blocking(move || files.iter().map(|file| Stamp::of(file)).collect()).await.unwrap_or_default()
}
