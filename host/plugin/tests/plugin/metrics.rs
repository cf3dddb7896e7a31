//! Metrics of instances. Rule: whatever becomes of an instance, its gauges return to zero.

use metrics_exporter_prometheus::PrometheusBuilder;
use modehost_contract::Generation;

use crate::fixture::{CONTEXT, load, message, run_command, runtime};

#[test]
fn memory_and_instances_are_counted_up_and_down_to_nothing() {
    let recorder = PrometheusBuilder::new().build_recorder();
    let handle = recorder.handle();
    let value = |name: &str| {
        let text = handle.render();
        let line = text.lines().find(|line| line.starts_with(&format!("{name}{{"))).expect(name).to_owned();
        line.rsplit_once(' ').and_then(|(_, value)| value.parse::<f64>().ok()).expect("a number")
    };
    metrics::with_local_recorder(&recorder, || {
        let runtime = runtime();
        let generation = load(&runtime, &[]).expect("loads");
        // The instances of the probe have been dropped.
        assert_eq!(value("modehost_plugin_live_instances"), 0.0);
        assert_eq!(value("modehost_plugin_memory_bytes"), 0.0);
        let mut one = generation.open().expect("opens");
        let other = generation.open().expect("opens");
        let both = value("modehost_plugin_memory_bytes");
        assert!(both >= 2.0 * 65_536.0, "{both}");
        // It grows up to its limit, and the gauge follows.
        one.handle(CONTEXT, &message(r#"{"type":"fixture","do":"hog"}"#)).expect_err("out of memory");
        assert!(value("modehost_plugin_memory_bytes") > both, "what it has grown is not counted");
        assert!(run_command(&mut *one, "count").is_err());
        drop(one);
        assert_eq!(value("modehost_plugin_memory_bytes"), both / 2.0);
        assert_eq!(value("modehost_plugin_live_instances"), 1.0);
        drop(other);
        assert_eq!(value("modehost_plugin_memory_bytes"), 0.0);
        assert_eq!(value("modehost_plugin_live_instances"), 0.0);
    });
}
