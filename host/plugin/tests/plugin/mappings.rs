//! Address-space use of instances. Rule: the constant that caps live instances is checked against the kernel's own
//! count.

use modehost_contract::Generation;
use modehost_plugin::limits;
use modehost_plugin::{Runtime, RuntimeConfig};

#[test]
fn a_live_instance_takes_no_more_mappings_than_the_cap_assumes() {
    const COUNT: usize = 1_000;
    let runtime = Runtime::new(RuntimeConfig { live_instances: COUNT + 10, ..RuntimeConfig::default() }).expect("runs");
    let generation = crate::fixture::load(&runtime, &[]).expect("loads");
    let maps = || std::fs::read_to_string("/proc/self/maps").expect("maps").lines().count();
    let before = maps();
    let mut instances: Vec<_> = (0..COUNT).map(|_| generation.open().expect("opens")).collect();
    for instance in &mut instances {
        crate::fixture::run_command(&mut **instance, "count").expect("counts");
    }
    let taken = maps() - before;
    assert_eq!(runtime.live_instances(), COUNT);
    let allowed = limits::MAPS_PER_INSTANCE * COUNT + limits::PROCESS_MAPS;
    assert!(taken <= allowed, "{taken} mappings for {COUNT} instances; {allowed} were assumed");
    eprintln!("{taken} mappings for {COUNT} instances");
}
