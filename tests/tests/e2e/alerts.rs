//! Alert rules and the dashboard of `examples/operation`. Rule: they query only metrics that the server exports, and
//! promtool, where installed, verifies that each alert fires on its condition and on nothing else.

use modehost_tests::{server, skip};
use serde_json::Value;

use crate::initial_metrics::rows;

#[test]
fn rules_and_dashboard_ask_for_what_there_is() {
    let directory = server::workspace_root().join("examples/operation");
    let known: Vec<String> = rows().into_iter().map(|(name, ..)| name).collect();
    for file in ["alerts.yaml", "alerts.test.yaml", "dashboard.json"] {
        let text = std::fs::read_to_string(directory.join(file)).expect(file);
        let mut names = 0;
        for (at, _) in text.match_indices("modehost_") {
            let name: String =
                text[at..].chars().take_while(|character| character.is_alphanumeric() || *character == '_').collect();
            let base = ["_bucket", "_count", "_sum"].iter().find_map(|end| name.strip_suffix(end)).unwrap_or(&name);
            assert!(known.iter().any(|known| *known == name || known == base), "{file}: {name} is not in METRICS.md");
            names += 1;
        }
        assert!(names > 10, "{file} asks for {names}");
    }
    let dashboard = std::fs::read_to_string(directory.join("dashboard.json")).expect("a dashboard");
    let dashboard: Value = serde_json::from_str(&dashboard).expect("JSON");
    let panels = dashboard["panels"].as_array().expect("panels");
    let mut ids: Vec<_> = panels.iter().map(|panel| panel["id"].as_u64().expect("an id")).collect();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), panels.len(), "two panels of one id");
    for panel in panels.iter().filter(|panel| panel["type"] != "row") {
        let targets = panel["targets"].as_array().expect("targets");
        assert!(targets.iter().all(|target| target["expr"].is_string()) && !targets.is_empty(), "{panel}");
    }
}

#[test]
fn promtool_takes_the_rules_and_they_do_what_they_should() {
    let promtool = |arguments: &[&str]| {
        let directory = server::workspace_root().join("examples/operation");
        std::process::Command::new("promtool").args(arguments).current_dir(directory).output()
    };
    if promtool(&["--version"]).is_err() {
        skip::not_installed("promtool (Debian: prometheus)");
        return;
    }
    for arguments in [["check", "rules", "alerts.yaml"], ["test", "rules", "alerts.test.yaml"]] {
        let output = promtool(&arguments).expect("promtool");
        let text = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{arguments:?}: {text}");
    }
}
