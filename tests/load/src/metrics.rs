//! Metrics, their percentiles, and the table they are shown in.
//!
//! Rule: the name of a metric contains its unit, so that a number is never read without it.

use std::fmt::Write;
use std::time::Duration;

use serde_json::{Map, Value, json};

/// The metrics of a measurement on one target, in the order in which they are shown.
#[derive(Clone, Debug, Default)]
pub struct Metrics(Vec<(String, f64)>);

impl Metrics {
    /// Adds a metric.
    pub fn add(&mut self, name: impl Into<String>, value: f64) {
        self.0.push((name.into(), value));
    }

    /// Adds median, 99th percentile and maximum, in milliseconds.
    pub fn add_percentiles(&mut self, name: &str, mut times: Vec<Duration>) {
        times.sort_unstable();
        for (suffix, share) in [("p50", 0.5), ("p99", 0.99), ("max", 1.0)] {
            if let Some(time) = percentile(&times, share) {
                self.add(format!("{name}_{suffix}_ms"), time.as_secs_f64() * 1e3);
            }
        }
    }

    /// The metric of that name.
    pub fn get(&self, name: &str) -> Option<f64> {
        self.0.iter().find(|(known, _)| known == name).map(|(_, value)| *value)
    }
}

/// The value that a `share` (0 to 1) of the sorted values does not exceed.
pub fn percentile(sorted: &[Duration], share: f64) -> Option<Duration> {
    let rank = (share * sorted.len() as f64).ceil() as usize;
    sorted.get(rank.saturating_sub(1)).copied()
}

/// The results of a measurement on all targets.
#[derive(Clone, Debug, Default)]
pub struct Report {
    measure: String,
    columns: Vec<(String, Metrics)>,
}

impl Report {
    /// A report without metrics.
    pub fn named(measure: &str) -> Self {
        Self { measure: measure.into(), columns: Vec::new() }
    }

    /// A report of one target.
    pub fn of(measure: &str, target: &str, metrics: Metrics) -> Self {
        let mut report = Self::named(measure);
        report.add(target, metrics);
        report
    }

    /// Adds a target.
    pub fn add(&mut self, target: &str, metrics: Metrics) {
        self.columns.push((target.into(), metrics));
    }

    /// As text. Empty if there are no metrics.
    pub fn table(&self) -> String {
        let mut text = String::new();
        let Some((_, first)) = self.columns.last() else { return text };
        let _ = write!(text, "{:<34}", self.measure);
        for (target, _) in &self.columns {
            let _ = write!(text, "{target:>14}");
        }
        let _ = writeln!(text, "{}", if self.columns.len() == 2 { "         ratio" } else { "" });
        for (name, _) in &first.0 {
            let _ = write!(text, "{name:<34}");
            for (_, metrics) in &self.columns {
                let text_value = metrics.get(name).map_or_else(|| "-".into(), format_value);
                let _ = write!(text, "{text_value:>14}");
            }
            if let Some(ratio) = self.ratio(name) {
                let _ = write!(text, "{ratio:>14.2}");
            }
            text.push('\n');
        }
        text
    }

    /// As JSON, in one line.
    pub fn json(&self) -> String {
        let mut targets = Map::new();
        for (target, metrics) in &self.columns {
            let metrics: Map<String, Value> =
                metrics.0.iter().map(|(name, value)| (name.clone(), json!(value))).collect();
            targets.insert(target.clone(), metrics.into());
        }
        let names = self.columns.last().map(|(_, metrics)| &metrics.0[..]).unwrap_or_default();
        let ratios: Map<String, Value> =
            names.iter().filter_map(|(name, _)| Some((name.clone(), json!(self.ratio(name)?)))).collect();
        format!("{}\n", json!({ "measure": self.measure, "figures": targets, "ratio": ratios }))
    }

    /// The second target's metric divided by the first's.
    fn ratio(&self, name: &str) -> Option<f64> {
        let [(_, floor), (_, server)] = &self.columns[..] else { return None };
        let ratio = server.get(name)? / floor.get(name)?;
        ratio.is_finite().then_some(ratio)
    }
}

fn format_value(value: f64) -> String {
    match value.abs() {
        v if v >= 1000.0 || v.fract() == 0.0 => format!("{value:.0}"),
        v if v >= 10.0 => format!("{value:.1}"),
        _ => format!("{value:.3}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_values_that_occurred() {
        let times: Vec<Duration> = (1..=200).map(Duration::from_millis).collect();
        let at = |share| percentile(&times, share).expect("a value").as_millis();
        assert_eq!((at(0.5), at(0.99), at(1.0), at(0.0)), (100, 198, 200, 1));
        assert_eq!(percentile(&[], 0.5), None);
    }

    #[test]
    fn the_ratio_is_the_server_over_the_floor() {
        let mut report = Report::named("m");
        for (target, value) in [("floor", 10.0), ("server", 5.0)] {
            let mut metrics = Metrics::default();
            metrics.add("a_per_second", value);
            metrics.add("zero", 0.0);
            report.add(target, metrics);
        }
        let json: Value = serde_json::from_str(&report.json()).expect("JSON");
        assert_eq!(json["ratio"], json!({ "a_per_second": 0.5 }));
        assert!(report.table().contains("0.50"), "{}", report.table());
    }
}
