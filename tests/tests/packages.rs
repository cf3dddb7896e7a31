//! The crates that authors of modes build against, as packages. Rule: what is published is whole: it names versions,
//! and nothing outside its own directory.

use std::process::Command;

use modehost_tests::server::workspace_root;

/// In the order of their dependencies. `.ci/long` also compiles them from their packages.
const PACKAGES: [&str; 9] = [
    "modehost-ids",
    "modehost-limits",
    "modehost-follow",
    "modehost-task",
    "modehost-protocol",
    "modehost-contract",
    "modehost-plugin",
    "modehost-testkit",
    "modehost-sdk",
];

#[test]
fn sdk_and_test_kit_can_be_packaged() {
    let target = tempfile::tempdir().expect("a directory");
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(workspace_root()).args([
        "package",
        "--no-verify",
        "--allow-dirty",
        "--offline",
        "--target-dir",
    ]);
    command.arg(target.path()).args(PACKAGES.iter().flat_map(|package| ["-p", package]));
    let output = command.output().expect("cargo runs");
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{stderr}");

    let crates = target.path().join("package");
    let sdk = crates.join("modehost-sdk-0.2.0.crate");
    let listed = Command::new("tar").arg("tzf").arg(&sdk).output().expect("tar runs");
    let listed = String::from_utf8_lossy(&listed.stdout).into_owned();
    for file in ["wit/mode.wit", "wit/types.wit", "wit/events.wit", "wit/effects.wit", "src/lib.rs", "Cargo.toml"] {
        assert!(listed.contains(&format!("modehost-sdk-0.2.0/{file}\n")), "{file} is not in the package:\n{listed}");
    }
    for package in PACKAGES {
        assert!(crates.join(format!("{package}-0.2.0.crate")).is_file(), "{package}: {stderr}");
    }
}
