//! Devices that append to journals of their own, and increment a counter that all share. Rule: everything that is sent and
//! told is noted before anything else is done; a device that hears nothing goes elsewhere, and sends the same never again.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use modehost_task::{IoTask, spawn_io};
use modehost_tests::{Device, Seen};
use serde_json::{Value, json};
use tokio::time::sleep;

use super::history::{Append, Count, History, Increment};

pub const DEVICES: usize = 10;
/// The document that all devices count in.
pub const COUNTER: &str = "fixture/counter";

/// How long a device waits for anything.
const PATIENCE: Duration = Duration::from_secs(6);
/// How long it goes on with a connection that it has left for another.
const ZOMBIE: usize = 40;

/// What all devices share.
pub struct World {
    addresses: Vec<SocketAddr>,
    pub history: Mutex<History>,
    pub stop: AtomicBool,
    pub acknowledged: AtomicU64,
    clock: AtomicU64,
    values: AtomicU64,
}

impl World {
    pub fn new(addresses: Vec<SocketAddr>) -> Arc<Self> {
        let (history, stop) = (Mutex::default(), AtomicBool::new(false));
        let (clock, values, acknowledged) = Default::default();
        Arc::new(Self { addresses, history, stop, acknowledged, clock, values })
    }

    fn now(&self) -> u64 {
        self.clock.fetch_add(1, Ordering::SeqCst)
    }

    fn stops(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }

    fn with<R>(&self, change: impl FnOnce(&mut History) -> R) -> R {
        change(&mut self.history.lock().expect("no panic"))
    }
}

/// One connection of a device.
struct Connection {
    device: usize,
    /// In the order of the device's connections.
    number: usize,
    node: usize,
    socket: Device,
}

/// Talks to one node after the other until the end.
pub async fn run(world: Arc<World>, number: usize, mut random: fastrand::Rng) {
    let id = format!("dev-{number}");
    let mut zombie: Option<IoTask<()>> = None;
    for connection in 0.. {
        if world.stops() {
            break;
        }
        let node = random.usize(..world.addresses.len());
        let Some(socket) = Device::try_join_at(world.addresses[node], &id, PATIENCE).await else {
            sleep(Duration::from_millis(random.u64(50..300))).await;
            continue;
        };
        let mut connection = Connection { device: number, number: connection, node, socket };
        if !has_nothing_left(&mut connection.socket).await {
            continue;
        }
        for _ in 0..random.usize(3..60) {
            let goes_on = match random.u8(..8) {
                0 => increment(&world, &mut connection).await,
                1 | 2 => count(&world, &mut connection).await,
                _ => append(&world, &mut connection).await,
            };
            if !goes_on || world.stops() {
                break;
            }
        }
        // The connection stays open, and what comes over it has to be refused once another node is the owner.
        if random.u8(..3) == 0 {
            let world = world.clone();
            zombie = Some(spawn_io(async move {
                for _ in 0..ZOMBIE {
                    if world.stops() || !append(&world, &mut connection).await {
                        return;
                    }
                    sleep(Duration::from_millis(20)).await;
                }
            }));
        }
    }
    if let Some(zombie) = zombie {
        zombie.join().await.expect("no panic");
    }
}

/// Waits until what the session still had to say is through: a count of before must not be taken for one of now. False if
/// the connection is of no use any more.
async fn has_nothing_left(device: &mut Device) -> bool {
    device.send(json!({ "type": "test-barrier" })).await;
    loop {
        match next(device).await {
            Some(message) if message["code"] == "UNKNOWN_TYPE" => return true,
            Some(_) => {}
            None => return false,
        }
    }
}

/// Appends to the journal of the device. False if the connection is of no use any more.
async fn append(world: &World, connection: &mut Connection) -> bool {
    let &mut Connection { device, number, node, ref mut socket } = connection;
    let value = world.values.fetch_add(1, Ordering::SeqCst) + 1;
    let begun = world.now();
    let append = Append { device, connection: number, node, value, begun, told: None };
    world.with(|history| history.appends.push(append));
    let key = format!("fixture/of-{device}");
    socket
        .send(json!({ "type": "fixture", "do": "append", "request": value, "key": key, "value": value.to_string() }))
        .await;
    loop {
        let Some(message) = next(socket).await else { return false };
        // The outcome of an earlier one may come after a session went on elsewhere.
        if let (Some(done), Some(entry)) = (message["done"].as_u64(), message["value"].as_u64()) {
            let at = world.now();
            world.with(|history| {
                let of = |append: &&mut Append| append.value == done && append.device == device;
                if let Some(append) = history.appends.iter_mut().rev().find(of)
                    && append.told.is_none()
                {
                    append.told = Some((entry, at));
                }
            });
            world.acknowledged.fetch_add(1, Ordering::Relaxed);
        }
        if message["done"] == value {
            return true;
        }
        if message["failed"] == value || message["type"] == "error" {
            // Whether it is stored is not known: the log may have it.
            sleep(Duration::from_millis(100)).await;
            return message["type"] != "error";
        }
    }
}

/// Has the session count. False if the connection is of no use any more.
async fn count(world: &World, connection: &mut Connection) -> bool {
    let &mut Connection { device, number, node, .. } = connection;
    let begun = world.now();
    let place = world.with(|history| {
        history.counts.push(Count { device, connection: number, node, begun, told: None });
        history.counts.len() - 1
    });
    connection.socket.send(json!({ "type": "fixture", "do": "count" })).await;
    loop {
        let Some(message) = next(&mut connection.socket).await else { return false };
        if let Some(value) = message["count"].as_u64() {
            let at = world.now();
            world.with(|history| history.counts[place].told = Some((value, at)));
            return true;
        }
        if message["type"] == "error" {
            return false;
        }
    }
}

/// Increments the shared counter by what was read. False if the connection is of no use any more.
async fn increment(world: &World, connection: &mut Connection) -> bool {
    let device = &mut connection.socket;
    let request = 1_000_000_000 + world.now();
    device.send(json!({ "type": "fixture", "do": "read", "request": request, "key": COUNTER })).await;
    let is_document = |message: &Value| message["document"]["key"] == COUNTER;
    let Some(read) = outcome(device, request, is_document).await else { return false };
    if read["document"].is_null() {
        return true;
    }
    let (version, value) = (&read["document"]["version"], read["document"]["value"].as_str());
    let value = value.and_then(|text| text.parse::<u64>().ok()).unwrap_or(0) + 1;
    let request = 1_000_000_000 + world.now();
    let begun = world.now();
    let place = world.with(|history| {
        history.increments.push(Increment { value, begun, told: None });
        history.increments.len() - 1
    });
    let (key, text) = (COUNTER, value.to_string());
    device
        .send(json!({ "type": "fixture", "do": "write", "request": request, "key": key, "expected": version, "value": text }))
        .await;
    let is_outcome = |message: &Value| message["written"]["key"] == COUNTER || message["conflict"]["key"] == COUNTER;
    let Some(written) = outcome(device, request, is_outcome).await else { return false };
    let at = world.now();
    // Only for the version that this write has made: an outcome does not say which write it is of.
    if written["written"]["version"].as_u64() == version.as_u64().map(|version| version + 1) {
        world.with(|history| history.increments[place].told = Some(at));
    }
    true
}

/// The next message that fits, or the failure of this request.
async fn outcome(device: &mut Device, request: u64, fits: impl Fn(&Value) -> bool) -> Option<Value> {
    loop {
        let message = next(device).await?;
        if fits(&message) || message["failed"] == request || message["type"] == "error" {
            return Some(message);
        }
    }
}

/// The next message; `None` at the end of the connection, or if nothing comes.
async fn next(device: &mut Device) -> Option<Value> {
    loop {
        let seen = device.next_within(PATIENCE).await;
        // What was seen is of no use here, and a run is long.
        device.clear_seen();
        match seen? {
            Seen::Json(message) => return Some(message),
            Seen::Closed(..) | Seen::Lost(_) => return None,
            Seen::Binary(_) | Seen::Pong(_) => {}
        }
    }
}
