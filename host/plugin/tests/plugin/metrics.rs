//! What the metrics say of instances. Rule: whatever became of them, all is given back in the end.

use metrics_exporter_prometheus::PrometheusBuilder;
use modehost_contract::Generation;

use crate::fixture::{CONTEXT, act, load, message, runtime};

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
        // The instances of the probe have gone.
        assert_eq!(value("modehost_plugin_live_instances"), 0.0);
        assert_eq!(value("modehost_plugin_memory_bytes"), 0.0);
        let mut one = generation.open().expect("opens");
        let other = generation.open().expect("opens");
        let both = value("modehost_plugin_memory_bytes");
        assert!(both >= 2.0 * 65_536.0, "{both}");
        // It grows until it is told to stop, and is counted as far as it came.
        one.handle(CONTEXT, &message(r#"{"type":"fixture","do":"hog"}"#)).expect_err("out of memory");
        assert!(value("modehost_plugin_memory_bytes") > both, "what it has grown is not counted");
        assert!(act(&mut *one, "count").is_err());
        drop(one);
        assert_eq!(value("modehost_plugin_memory_bytes"), both / 2.0);
        assert_eq!(value("modehost_plugin_live_instances"), 1.0);
        drop(other);
        assert_eq!(value("modehost_plugin_memory_bytes"), 0.0);
        assert_eq!(value("modehost_plugin_live_instances"), 0.0);
    });
}
