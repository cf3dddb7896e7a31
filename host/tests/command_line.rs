//! Tests of the built binary. Rule: only exit codes and output are checked, as a script sees them.

use std::net::TcpListener;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

/// Runs the binary in an empty directory, so that no file of the checkout is found.
fn modehost(directory: &Path, arguments: &[&str], variables: &[(&str, &str)]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_modehost"))
        .args(arguments)
        .current_dir(directory)
        .env_remove("RUST_LOG")
        .envs(variables.iter().copied())
        .stdin(Stdio::null())
        .output()
        .expect("the binary runs")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[test]
fn help_teaches_with_examples() {
    let directory = tempfile::tempdir().expect("folder");
    for (arguments, expected) in [
        (vec!["--help"], "modehost serve --config my.yaml"),
        (vec!["dev", "--help"], "Edit a file under plugins/"),
        (vec!["check", "--help"], "modehost check config/modehost.yaml"),
        (vec!["plugin", "build", "--help"], "modehost plugin build plugins/mine"),
        (vec!["plugin", "new", "--help"], "modehost plugin new pomodoro"),
        (vec!["plugin", "test", "--help"], "+25m                       time passes, at once"),
        (vec!["plugin", "test", "--words"], "the person says this"),
        (vec!["plugin", "try", "--help"], ":save FILE"),
        (vec!["health", "--help"], "HEALTHCHECK CMD"),
        (vec!["session", "list", "--help"], "modehost session list --json"),
        (vec!["session", "show", "--help"], "modehost session show aa:bb:cc:00:11:22"),
        (vec!["session", "kick", "--help"], "modehost session kick aa:bb:cc:00:11:22"),
        (vec!["device", "export", "--help"], "--to /backup/devices"),
        (vec!["device", "forget", "--help"], "--yes"),
        (vec!["config", "show", "--help"], "modehost config show | grep -v default"),
        (vec!["storage", "--help"], "modehost storage compact"),
        (vec!["storage", "compact", "--help"], "modehost storage compact"),
    ] {
        let output = modehost(directory.path(), &arguments, &[]);
        assert!(output.status.success(), "{arguments:?}");
        assert!(text(&output.stdout).contains(expected), "{arguments:?}: {}", text(&output.stdout));
    }
}

#[test]
fn c1_a_port_that_is_taken_is_named_within_a_second() {
    let directory = tempfile::tempdir().expect("folder");
    let taken = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = taken.local_addr().expect("address").port().to_string();
    let variables = [
        ("MODEHOST__SERVER__IP", "127.0.0.1"),
        ("MODEHOST__SERVER__PORT", &port),
        ("MODEHOST__SERVER__HTTP_PORT", "0"),
    ];
    let started = Instant::now();
    let output = modehost(directory.path(), &["serve"], &variables);
    assert!(started.elapsed() < Duration::from_secs(1), "took {:?}", started.elapsed());
    assert_eq!(output.status.code(), Some(1));
    let output_text = text(&output.stderr);
    assert!(output_text.contains(&format!("127.0.0.1:{port}")) && output_text.contains("server.port"), "{output_text}");
    assert!(!directory.path().join("data").exists(), "nothing may be started before the ports are held");
}

#[test]
fn c1_a_bad_host_is_named() {
    let directory = tempfile::tempdir().expect("folder");
    let output = modehost(directory.path(), &["serve"], &[("MODEHOST__SERVER__IP", "nowhere.example")]);
    assert_eq!(output.status.code(), Some(64));
    assert!(text(&output.stderr).contains("server.ip"), "{}", text(&output.stderr));
}

#[test]
fn check_says_what_is_wrong_where() {
    let directory = tempfile::tempdir().expect("folder");
    std::fs::write(directory.path().join("bad.yaml"), "server:\n  prot: 1\nlog:\n  level: loud\nwrokflow: {}\n")
        .expect("write");
    let output = modehost(directory.path(), &["check", "bad.yaml"], &[]);
    assert_eq!(output.status.code(), Some(64));
    let output_text = text(&output.stderr);
    assert!(output_text.contains("bad.yaml:2:3: server.prot: unknown key; did you mean `port`?"), "{output_text}");
    assert!(output_text.contains("bad.yaml:4:10: log.level: must be error, warn"), "{output_text}");

    std::fs::write(directory.path().join("bad.yaml"), "groups:\n  a: [x]\ngruops: {}\n").expect("write");
    let output = modehost(directory.path(), &["check", "bad.yaml"], &[]);
    assert_eq!(output.status.code(), Some(64));
    let output_text = text(&output.stderr);
    assert!(output_text.contains("bad.yaml:3:1: unknown section `gruops`; did you mean `groups`?"), "{output_text}");

    std::fs::write(directory.path().join("good.yaml"), "server:\n  port: 9000\n").expect("write");
    let output = modehost(directory.path(), &["check", "good.yaml"], &[]);
    assert!(output.status.success(), "{}", text(&output.stderr));
    let stdout = text(&output.stdout);
    assert!(
        stdout.starts_with("plugins not looked at: there is no folder data/plugins") && stdout.ends_with("\nok\n"),
        "{stdout}"
    );

    let output = modehost(directory.path(), &["check", "absent.yaml"], &[]);
    assert_eq!(output.status.code(), Some(64));
    assert!(text(&output.stderr).contains("absent.yaml"), "{}", text(&output.stderr));
}

#[test]
fn a_bad_configuration_or_variable_stops_a_start_with_64() {
    let directory = tempfile::tempdir().expect("folder");
    std::fs::write(directory.path().join("bad.yaml"), "server:\n  port: many\n").expect("write");
    let output = modehost(directory.path(), &["serve", "--config", "bad.yaml"], &[]);
    assert_eq!(output.status.code(), Some(64));
    assert!(text(&output.stderr).contains("bad.yaml:2:9: server.port"), "{}", text(&output.stderr));
    let output = modehost(directory.path(), &["serve"], &[("MODEHOST__SERVER__PROT", "1")]);
    assert_eq!(output.status.code(), Some(64));
    let output_text = text(&output.stderr);
    assert!(
        output_text.contains("environment variable MODEHOST__SERVER__PROT") && output_text.contains("`port`"),
        "{output_text}"
    );
    assert_eq!(modehost(directory.path(), &["serv"], &[]).status.code(), Some(64));
}

#[test]
fn c14_no_complaint_about_settings_shows_a_secret() {
    let directory = tempfile::tempdir().expect("folder");
    for wrong in [
        "auth:\n  tokens:\n    - hunter2\n",
        "auth:\n  tokens: [hunter2]\n",
        "auth:\n  tokens:\n    - { token: hunter2, devise: 5 }\n",
        "llm:\n  aliases:\n    default: { base_url: \"http://x\", apiKey: hunter2 }\n",
        "server:\n  secrett: hunter2\n",
        "server:\n  secret: [hunter2]\n",
        "auth:\n  device_token:\n    key: @hunter2\n",
        "server:\n  admin_tokn: hunter2\n",
        "server:\n  nothing_like_it: hunter2\n",
        "server:\n  nothing_like_it:\n    deeper: hunter2\n",
        "server: { port: hunter2, ip: 127.0.0.1 }\n",
        "server: hunter2\n",
        "server:\n  admin_token:hunter2\n",
        "server:\n  admin_token:hunter2: x\n",
        "server:\n  paths:\n    - hunter2\n",
        "gateway: { duplicate_device: hunter2 }\n",
        "log:\n  level: hunter2\n",
        "plugins: { grants: { a: [hunter2, \"model:hunter2\"] } }\n",
        "plugins: { pins: { a: hunter2 } }\n",
        "plugins: { share: { a: [hunter2] } }\n",
        "groups:\n  a: [\"hunter2\\u0001\"]\n",
        "hooks: { a: { url: \"https://me:hunter2@a.example/\" } }\n",
        "hooks: { a: { url: \"ftp://a.example/?key=hunter2\" } }\n",
        "llm: { aliases: { a: { base_url: \"https://a.example/hunter2/models\" } } }\n",
        "llm: { aliases: { a: { base_url: \"https://a.example/v1?key=hunter2\" } } }\n",
        "llm: { aliases: { a: { base_url: hunter2 } } }\n",
        "llm: { aliases: {}, purposes: { summary: hunter2 } }\n",
        "asr: { funasr: { url: \"wss://me:hunter2@a.example/\" } }\n",
        "tts: { openai: { base_url: \"https://a.example/hunter2/models\", model: x } }\n",
        "server: { public_url: \"wss://me:hunter2@a.example/\" }\n",
        "config: { remote: { url: \"http://a.example/?key=hunter2\" } }\n",
        "config: { remote: { url: \"https://me:hunter2@a.example/\" } }\n",
        "hunter2 with blanks: 1\n",
        "- hunter2\n",
        "server: [hunter2\n",
        "server: \"hunter2\n",
        "server: { port: 1, port: hunter2 }\n",
        "asr:\n  doubao:\n    app_key: \"hunter2 with a blank\"\n    access_key: \"hunter2 as well\"\n",
    ] {
        std::fs::write(directory.path().join("wrong.yaml"), wrong).expect("written");
        let output = modehost(directory.path(), &["check", "wrong.yaml"], &[]);
        let output_text = text(&output.stdout) + &text(&output.stderr);
        assert!(!output.status.success() && output_text.contains("wrong.yaml:"), "{wrong}: {output_text}");
        assert!(!output_text.contains("hunter2"), "{wrong}: {output_text}");
    }
    for (variable, value) in [
        ("MODEHOST__SERVER__ADMIN_TOKN", "hunter2"),
        ("MODEHOST__SERVER__PORT", "hunter2"),
        ("MODEHOST__SERVER", "hunter2"),
        ("MODEHOST__AUTH__TOKENS", "hunter2"),
        ("MODEHOST__NOTHING_LIKE_IT", "hunter2"),
        ("MODEHOST__HOOKS", "{\"a\":{\"url\":\"https://me:hunter2@a.example/\"}}"),
    ] {
        std::fs::write(directory.path().join("good.yaml"), "server: { port: 9000 }\n").expect("written");
        let output = modehost(directory.path(), &["check", "good.yaml"], &[(variable, value)]);
        let output_text = text(&output.stdout) + &text(&output.stderr);
        assert!(!output.status.success() && output_text.contains(variable), "{variable}: {output_text}");
        assert!(!output_text.contains("hunter2"), "{variable}: {output_text}");
    }
}

#[test]
fn c20_what_never_ends_is_not_read_to_its_end() {
    let directory = tempfile::tempdir().expect("folder");
    for arguments in [vec!["check", "/dev/zero"], vec!["plugin", "inspect", "/dev/zero"]] {
        let output = modehost(directory.path(), &arguments, &[]);
        let output_text = text(&output.stderr);
        assert!(!output.status.success() && output_text.contains("it has more than"), "{arguments:?}: {output_text}");
    }
}

#[test]
fn outside_a_workspace_dev_says_where_to_go() {
    let directory = tempfile::tempdir().expect("folder");
    let output = modehost(directory.path(), &["dev"], &[]);
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stderr).contains("`modehost plugin new NAME` writes one"), "{}", text(&output.stderr));
}

#[test]
fn a_file_that_is_no_plugin_is_refused_with_its_name() {
    let directory = tempfile::tempdir().expect("folder");
    std::fs::write(directory.path().join("x.wasm"), "not wasm").expect("write");
    for command in ["inspect", "check"] {
        let output = modehost(directory.path(), &["plugin", command, "x.wasm"], &[]);
        assert_eq!(output.status.code(), Some(1));
        assert!(text(&output.stderr).contains("x.wasm is not WebAssembly"), "{}", text(&output.stderr));
    }
}

#[test]
fn the_reference_is_printed_as_it_is_handed_out() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut schemas: Vec<String> = std::fs::read_dir(root.join("plugins"))
        .expect("plugins/")
        .flatten()
        .map(|entry| entry.path().join("config.schema.json"))
        .filter(|file| file.is_file())
        .map(|file| file.display().to_string())
        .collect();
    // In the order of a shell's glob.
    schemas.sort();
    let mut arguments = vec!["check", "--reference"];
    arguments.extend(schemas.iter().map(String::as_str));
    let directory = tempfile::tempdir().expect("folder");
    let output = modehost(directory.path(), &arguments, &[]);
    let distributed = std::fs::read_to_string(root.join("config/REFERENCE.md")).expect("config/REFERENCE.md");
    assert!(output.status.success(), "{}", text(&output.stderr));
    assert_eq!(text(&output.stdout).trim_end(), distributed.trim_end());

    let output = modehost(directory.path(), &["check", "--reference", "absent/config.schema.json"], &[]);
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stderr).contains("absent/config.schema.json"), "{}", text(&output.stderr));
}

#[test]
fn a_backup_of_nothing_says_where_to_look() {
    let directory = tempfile::tempdir().expect("folder");
    let output = modehost(directory.path(), &["backup", "copy"], &[]);
    assert_eq!(output.status.code(), Some(1));
    let output_text = text(&output.stderr);
    assert!(output_text.contains("modehost.db") && output_text.contains("--data"), "{output_text}");
    assert!(!directory.path().join("copy").exists(), "nothing that looks like a backup is left behind");
}
