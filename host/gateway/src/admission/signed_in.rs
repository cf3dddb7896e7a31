//! Sign-ins of open connections, and what becomes of those that are taken back. Rule: whoever would not be let in
//! under the settings or keys of now has no connection for long; whoever would be notices nothing, and a token that
//! has run out since, or a provider that is away, takes nothing back.

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
use crate::log_rate::LogRate;
use crate::settings::GatewaySettings;

/// All open connections, with what they signed in by.
pub(crate) struct SignedIn {
    registry: Arc<Registry>,
    settings: watch::Receiver<Arc<GatewaySettings>>,
    open: Mutex<HashMap<ConnectionId, Held>>,
    /// Rises with every change that may take a sign-in back.
    round: AtomicU64,
    /// Somebody came in by settings that hold no more.
    unsure: Notify,
}

/// What a connection signed in by.
#[derive(Clone)]
struct Held {
    device: DeviceId,
    client: ClientId,
    token: Option<Arc<str>>,
    token_in_query: bool,
    address: IpAddr,
    /// The last round in which it was judged to be good.
    round: u64,
}

/// Ends with the connection.
pub(crate) struct Holding {
    all: Arc<SignedIn>,
    connection: ConnectionId,
}

impl Drop for Holding {
    fn drop(&mut self) {
        self.all.open.lock().remove(&self.connection);
    }
}

static LINES: LogRate = LogRate::new(limits::SIGN_IN_LOG_LINES);

impl SignedIn {
    /// Nobody yet; the task closes what is taken back until it is dropped.
    pub fn watch(registry: Arc<Registry>, settings: watch::Receiver<Arc<GatewaySettings>>) -> (Arc<Self>, IoTask<()>) {
        let (open, round, unsure) = (Mutex::default(), AtomicU64::new(1), Notify::new());
        let all = Arc::new(Self { registry, settings, open, round, unsure });
        let task = spawn_io(run(all.clone()));
        (all, task)
    }

    /// A connection is attached that signed in under these settings.
    pub fn hold(
        self: &Arc<Self>,
        connection: ConnectionId,
        identity: Identity,
        address: IpAddr,
        under: &GatewaySettings,
    ) -> Holding {
        let Identity { device, client, token, token_in_query, .. } = identity;
        let round = self.round.load(Ordering::Acquire);
        let token = token.map(Into::into);
        let held = Held { device, client, token, token_in_query, address, round };
        let is_sure = under.sign_in.is_like(&self.settings.borrow().sign_in);
        self.open.lock().insert(connection, Held { round: if is_sure { round } else { 0 }, ..held });
        if !is_sure {
            self.unsure.notify_one();
        }
        Holding { all: self.clone(), connection }
    }

    /// Judges everybody who has not been in this round.
    async fn judge(&self) {
        let round = self.round.load(Ordering::Acquire);
        let open: Vec<(ConnectionId, Held)> = {
            let open = self.open.lock();
            let due = open.iter().filter(|(_, held)| held.round < round);
            due.map(|(connection, held)| (*connection, held.clone())).collect()
        };
        if open.is_empty() {
            return;
        }
        let settings = self.settings.borrow().clone();
        let each = |(connection, held): (ConnectionId, Held)| {
            let settings = settings.clone();
            async move {
                let token = held.token.as_deref().filter(|_| settings.query_tokens || !held.token_in_query);
                let Held { device, client, address, .. } = &held;
                let claim = Claim { device, client, token, address: *address };
                if let Err(refused) = settings.sign_in.still_holds(claim).await {
                    if let Some(left_out) = LINES.take() {
                        let method = refused.method;
                        tracing::warn!(
                            %device, connection = connection.0, method, left_out,
                            "the sign-in of an open connection holds no more: {}", refused.why
                        );
                    }
                    self.registry.kick_connection(device, connection, "the sign-in of this device was taken back");
                }
                if let Some(held) = self.open.lock().get_mut(&connection) {
                    held.round = round;
                }
            }
        };
        stream::iter(open).for_each_concurrent(limits::SIGN_IN_RECHECKS, each).await;
    }
}

/// Looks at who is in after each change of the settings, and when files of keys have been read anew.
async fn run(all: Arc<SignedIn>) {
    let mut changes = all.settings.clone();
    let mut judge = changes.borrow_and_update().sign_in.clone();
    let mut files = stamps(&judge).await;
    let mut read_by: Option<Instant> = None;
    loop {
        tokio::select! {
            changed = changes.changed() => {
                if changed.is_err() {
                    return;
                }
                let now = changes.borrow_and_update().sign_in.clone();
                if !now.is_like(&judge) {
                    all.round.fetch_add(1, Ordering::AcqRel);
                    files = stamps(&now).await;
                }
                judge = now;
            }
            () = all.unsure.notified() => {}
            () = sleep(limits::SIGN_IN_LOOK) => {
                let seen = stamps(&judge).await;
                if seen != files {
                    files = seen;
                    // Until then the keys that were read before count.
                    read_by = Some(Instant::now() + limits::KEY_FILE_TTL);
                }
                if read_by.is_some_and(|read_by| Instant::now() >= read_by) {
                    read_by = None;
                    all.round.fetch_add(1, Ordering::AcqRel);
                }
            }
        }
        all.judge().await;
    }
}

/// What tells the files of keys from what stood there before.
async fn stamps(sign_in: &SignIn) -> Vec<Option<Stamp>> {
    let files: Vec<PathBuf> = sign_in.key_files().map(ToOwned::to_owned).collect();
    if files.is_empty() {
        return Vec::new();
    }
    run_blocking(move || files.iter().map(|file| Stamp::of(file)).collect()).await.unwrap_or_default()
}
