//! Random faults under load, and a checker that reads the history of all devices. Rule: whatever happens to nodes and NATS
//! servers, nothing that was acknowledged is lost, doubled or out of order, no device has two owners, and all nodes have
//! the same in the end.
//!
//! A run is determined by its seed but for times: `MODEHOST_CLUSTER_SEED` sets it, and `MODEHOST_CLUSTER_SECONDS` how
//! long faults go on (a minute by default). Both are printed, with each fault.

mod devices;
mod history;
mod scene;

use std::env::var;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use modehost_task::spawn_io;
use tokio::time::sleep;

use self::devices::{DEVICES, World};
use self::scene::{Fault, Scene};

/// How long devices go on after the last fault: an outcome that comes late is heard.
const CALM: Duration = Duration::from_secs(5);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_happens_nothing_acknowledged_is_lost_doubled_or_out_of_order() {
    let number = |name: &str, default: u64| var(name).ok().map_or(default, |text| text.parse().expect("a number"));
    let seed = number("MODEHOST_CLUSTER_SEED", fastrand::u64(..));
    let seconds = number("MODEHOST_CLUSTER_SECONDS", 60);
    println!("MODEHOST_CLUSTER_SEED={seed} MODEHOST_CLUSTER_SECONDS={seconds}");
    let mut random = fastrand::Rng::with_seed(seed);
    let Some(mut scene) = Scene::start().await else { return };
    let world = World::new(scene.addresses());
    let devices: Vec<_> = (0..DEVICES)
        .map(|number| spawn_io(devices::run(world.clone(), number, fastrand::Rng::with_seed(random.u64(..)))))
        .collect();

    let (begun, mut faults) = (Instant::now(), 0);
    while begun.elapsed() < Duration::from_secs(seconds) {
        sleep(Duration::from_millis(random.u64(200..1500))).await;
        let fault = Fault::ALL[random.usize(..Fault::ALL.len())];
        let acknowledged = world.acknowledged.load(Ordering::Relaxed);
        println!("{:6.1} s, {acknowledged} acknowledged: {fault:?}", begun.elapsed().as_secs_f32());
        scene.inflict(fault, &mut random).await;
        faults += 1;
    }
    scene.all_ready().await;
    sleep(CALM).await;
    world.stop.store(true, Ordering::Relaxed);
    for device in devices {
        device.join().await.expect("a device without a panic");
    }
    let copies = scene.copies(DEVICES).await;
    let history = world.history.lock().expect("no panic").clone();
    let told = history.appends.iter().filter(|append| append.told.is_some()).count();
    let increments = history.increments.iter().filter(|increment| increment.told.is_some()).count();
    println!(
        "{faults} faults; {} appends, {told} acknowledged; {} increments, {increments} acknowledged; the counter is {}",
        history.appends.len(),
        history.increments.len(),
        copies[0].counter
    );
    let findings = history::check(&history, &copies);
    assert!(findings.is_empty(), "seed {seed}: {findings:#?}");
    // Otherwise nothing was tried.
    assert!(told as u64 > seconds && increments > 0, "too little was acknowledged");
}
