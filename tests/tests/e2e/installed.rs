//! The server as `examples/operation` installs it: its configuration, its units, its backup. Rule: the shipped files
//! are run, by the programs that they are meant for where those are installed; systemd's sandboxing is applied by
//! `tests/confine/confine.py`, since no systemd runs here.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::Duration;

use modehost_tests::server::{binary, free_port, workspace_root};
use modehost_tests::{Device, Server, Settings, guest, http, skip, wait};
use rustix::process::Signal;
use serde_json::json;

fn example(name: &str) -> PathBuf {
    workspace_root().join("examples/operation").join(name)
}

fn text_of(name: &str) -> String {
    std::fs::read_to_string(example(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// Runs a program; `None` if it is not installed.
fn run(program: &str, arguments: &[&str]) -> Option<Output> {
    let output = Command::new(program).args(arguments).output();
    if output.is_err() {
        skip::not_installed(program);
    }
    output.ok()
}

/// The units, with the paths of programs replaced by those of this machine.
fn units() -> (tempfile::TempDir, Vec<String>) {
    let directory = tempfile::tempdir().expect("a directory");
    let mut names = Vec::new();
    for name in ["modehost.service", "modehost@.service", "modehost-backup.service", "modehost-backup.timer"] {
        let text = text_of(name).replace("/usr/local/bin/modehost-backup", "/bin/true");
        let text = text.replace("/usr/local/bin/modehost", &binary().display().to_string());
        let name = name.replace('@', "@one");
        std::fs::write(directory.path().join(&name), text).expect("written");
        names.push(directory.path().join(name).display().to_string());
    }
    (directory, names)
}

#[test]
fn systemd_takes_the_units_and_finds_little_exposed() {
    let (directory, names) = units();
    for (unit, most) in names.iter().zip([1.4, 1.4, 1.0]) {
        let Some(judged) = run("systemd-analyze", &["security", "--offline=true", unit]) else { return };
        let table = text(&judged.stdout);
        let last = table.lines().rfind(|line| line.contains("Overall exposure")).expect("a sum");
        let exposure = last.split(": ").nth(1).and_then(|rest| rest.split(' ').next()).and_then(|sum| sum.parse().ok());
        assert!(exposure.is_some_and(|exposure: f64| exposure <= most), "{unit}: {last}\n{table}");
    }
    let verify = |names: &[String]| {
        let arguments: Vec<_> = ["verify", "--man=no"].into_iter().chain(names.iter().map(String::as_str)).collect();
        let output = run("systemd-analyze", &arguments).expect("installed");
        assert!(output.status.success() && output.stderr.is_empty(), "{}", text(&output.stderr));
    };
    verify(&names);
    let drop_ins = directory.path().join("modehost.service.d");
    std::fs::create_dir(&drop_ins).expect("a directory");
    std::fs::copy(example("low-port.conf"), drop_ins.join("low-port.conf")).expect("copied");
    verify(&names[..1]);
}

/// The settings of a unit, without comments and section headers.
fn settings(name: &str) -> Vec<String> {
    let is_setting = |line: &&str| !line.starts_with(['#', '[']) && line.contains('=');
    text_of(name).lines().filter(is_setting).map(str::to_owned).collect()
}

#[test]
fn the_unit_of_several_is_that_of_one_but_for_its_names() {
    let one = settings("modehost.service").join("\n");
    let several = settings("modehost@.service").join("\n");
    let several =
        several.replace("modehost/%i.environment", "modehost/environment").replace("/%i.yaml", "/modehost.yaml");
    let several = several.replace("modehost/%i", "modehost").replace("modehost %i,", "modehost,");
    assert_eq!(several, one);
    // The meaning of its exit codes is documented by the program itself.
    let help = text(&run(&binary().display().to_string(), &["--help"]).expect("the binary").stdout);
    let codes = one.lines().find_map(|line| line.strip_prefix("RestartPreventExitStatus=")).expect("codes");
    for code in codes.split(' ') {
        assert!(help.contains(&format!("{code} for")), "{code}: {help}");
    }
}

/// A wrapper script that runs `confine.py`; `None`, with the reason reported, if its prerequisites are missing.
fn confined(unit: &str, writable: &Path, directory: &Path) -> Option<PathBuf> {
    let script = workspace_root().join("tests/confine/confine.py");
    let confine = format!("python3 {} {} {}", script.display(), example(unit).display(), writable.display());
    let wrapper = directory.join("confined");
    std::fs::write(&wrapper, format!("#!/bin/sh\nexec {confine} \"$@\"\n")).expect("written");
    std::fs::set_permissions(&wrapper, PermissionsExt::from_mode(0o755)).expect("a program");
    let tried = Command::new(&wrapper).arg("/bin/true").output().expect("a shell");
    if !tried.status.success() {
        skip::not_permitted(&format!("confine.py: {}", text(&tried.stderr)));
        return None;
    }
    Some(wrapper)
}

fn succeeds(wrapper: &Path, script: &str) -> bool {
    let output = Command::new(wrapper).args(["/bin/sh", "-c", script]).output().expect("a shell");
    output.status.success()
}

#[tokio::test]
async fn confined_as_its_unit_says_the_server_does_everything() {
    let mut server = Server::prepare(&Settings::new().bundled());
    let home = server.plugins_dir().parent().expect("its home").to_owned();
    let directory = tempfile::tempdir().expect("a directory");
    let Some(confine) = confined("modehost.service", &home, directory.path()) else { return };
    // Proves that the sandbox is effective at all.
    for (script, may) in [
        ("touch /tmp/modehost-was-here", false),
        ("touch /var/lib/modehost-was-here", false),
        (&format!("touch {}/here", home.display()), true),
        // @resources, @privileged
        ("test \"$(nice -n 5 nice)\" = 5", false),
        ("ulimit -S -n 100 && test \"$(ulimit -n)\" = 100", true),
        ("test -z \"$HOME\" && test \"$(pwd)\" = /", true),
    ] {
        assert_eq!(succeeds(&confine, script), may, "{script}");
    }
    let wrapper = directory.path().join("server");
    let line = format!("#!/bin/sh\nexec {} {} \"$@\"\n", confine.display(), binary().display());
    std::fs::write(&wrapper, line).expect("written");
    std::fs::set_permissions(&wrapper, PermissionsExt::from_mode(0o755)).expect("a program");
    server.use_binary(&wrapper);
    server.launch();
    server.ready().await;
    let status =
        std::fs::read_to_string(format!("/proc/{}/status", server.pid().as_raw_nonzero())).expect("its status");
    let has = |line: &str| status.lines().any(|found| found.split_whitespace().collect::<Vec<_>>().join(" ") == line);
    for line in ["Seccomp: 2", "NoNewPrivs: 1", "CapEff: 0000000000000000", "CapPrm: 0000000000000000"] {
        assert!(has(line), "{line} of {status}");
    }

    // Plugins were compiled by the helper process; a device is served, and something is stored.
    let mut device = Device::join(&server, "dev-1").await;
    device.types("你会做什么").await;
    device.expect("an answer", |message| message["type"] == "tts" && message["state"] == "sentence_start").await;
    device.send(json!({ "type": "workflow", "event": "update", "task": { "title": "t" } })).await;
    device.expect("it is stored", |message| message["type"] == "workflow" && message["status"] == "ok").await;
    // Operation: a new plugin, a changed configuration, the two lines of ExecReload=, a backup.
    let new = home.join("new");
    std::fs::write(&new, guest::fixture(&[])).expect("written");
    std::fs::rename(&new, server.plugin_file("fixture")).expect("put there");
    let fixture = async || server.plugin("fixture").await["version"].clone();
    wait::until("compiled and served", Duration::from_secs(60), fixture, |version| version.is_string()).await;
    let config = server.config_file().display().to_string();
    let checked = Command::new(&wrapper).args(["check", &config]).output().expect("run");
    assert!(checked.status.success() && text(&checked.stdout).ends_with("ok\n"), "{}", text(&checked.stderr));
    server.signal(Signal::HUP);
    server.wait_output("SIGHUP: reopening log files").await;
    let (code, _, stderr) = server
        .run(&[
            "backup",
            &home.join("backup").display().to_string(),
            "--data",
            &server.data_dir().display().to_string(),
        ])
        .await;
    assert_eq!(code, 0, "{stderr}");
    assert!(home.join("backup/modehost.db").is_file());
    // The program replaces itself.
    server.admin("POST", "/api/v1/restart", "").await;
    wait::until(
        "two starts",
        Duration::from_secs(60),
        async || server.output().matches("is ready after").count(),
        |n| *n == 2,
    )
    .await;
    assert_eq!(server.terminate().await.code(), Some(0));
    let output = server.output();
    let refused = output.lines().filter(|line| line.contains("not permitted") || line.contains("Read-only file"));
    assert_eq!(refused.collect::<Vec<_>>(), Vec::<&str>::new());
}

/// The secrets that README.md puts into /etc/modehost/environment.
const SECRETS: [(&str, &str); 2] = [
    ("MODEHOST__SERVER__ADMIN_TOKEN", "f2a91d0c5b7e8463f2a91d0c5b7e8463"),
    ("MODEHOST__AUTH__TOKENS", r#"[{"token":"0c5b7e8463f2a91d0c5b7e8463f2a91d","device":"aa:bb:cc:dd:ee:ff"}]"#),
];

#[tokio::test]
async fn the_configuration_to_begin_with_is_good_and_lets_nobody_in_without_a_token() {
    let check = |path: &Path, secrets: &[(&str, &str)]| {
        let output =
            Command::new(binary()).arg("check").arg(path).envs(secrets.iter().copied()).current_dir("/").output();
        let output = output.expect("the binary");
        (output.status.code(), text(&output.stdout) + &text(&output.stderr))
    };
    let (code, output) = check(&example("modehost.yaml"), &SECRETS);
    assert!(code == Some(0) && output.ends_with("ok\n") && !output.contains("warning"), "{output}");
    let (code, output) = check(&example("modehost.yaml"), &SECRETS[..1]);
    assert!(code == Some(64) && output.contains("auth.tokens"), "missing secrets are reported: {output}");

    // The same with directories and ports of the test; `Server` passes its ports by environment variables.
    let mut server = Server::prepare(&Settings::new().bundled());
    let home = server.plugins_dir().parent().expect("its home").to_owned();
    let operators = free_port();
    let config = text_of("modehost.yaml").replace("/var/lib/modehost", &home.display().to_string());
    let config = config.replace("127.0.0.1:8005", &format!("127.0.0.1:{operators}"));
    server.write_config(&config);
    for (name, value) in SECRETS {
        server.set_variable(name, value);
    }
    server.launch();
    server.ready().await;
    let try_with = async |token: Option<&str>| {
        let token = token.map(|token| format!("Bearer {token}"));
        let mut headers = vec![("Device-Id", "aa:bb:cc:dd:ee:ff"), ("Client-Id", "test")];
        headers.extend(token.as_deref().map(|token| ("Authorization", token)));
        Device::try_connect(&server, "/supie/v1/", &headers).await.map(|_| ()).map_err(|(status, _)| status)
    };
    assert_eq!(try_with(None).await, Err(401));
    assert_eq!(try_with(Some("0c5b7e8463f2a91d0c5b7e8463f2a91d")).await, Ok(()));
    let operators = (std::net::Ipv4Addr::LOCALHOST, operators).into();
    for path in ["/metrics", "/api/v1/status"] {
        let published = http::request(server.http(), "GET", path, &[], "").await.expect("an answer");
        assert_eq!(published.status, 404, "{path}");
        let token = format!("Bearer {}", SECRETS[0].1);
        let own = http::request(operators, "GET", path, &[("Authorization", &token)], "").await.expect("an answer");
        assert_eq!(own.status, 200, "{path}");
    }
    server.wait_output("{\"timestamp\"").await;
}

#[tokio::test]
async fn backups_are_whole_and_the_newest_are_kept() {
    let server = Server::start(Settings::new().bundled()).await;
    let mut device = Device::join(&server, "dev-1").await;
    device.send(json!({ "type": "workflow", "event": "update", "task": { "title": "kept" } })).await;
    device.expect("it is stored", |message| message["type"] == "workflow" && message["status"] == "ok").await;
    let data = server.data_dir();
    std::fs::create_dir(data.join("notes")).expect("a directory");
    std::fs::write(data.join("notes/one.md"), "one").expect("a file of finished work");
    let directory = tempfile::tempdir().expect("a directory");
    let (target, programs) = (directory.path().join("backups"), directory.path().join("bin"));
    std::fs::create_dir(&target).expect("a directory");
    std::fs::create_dir(&programs).expect("a directory");
    std::os::unix::fs::symlink(binary(), programs.join("modehost")).expect("a link");
    // Older backups; entries that others have put there stay.
    for name in ["2026-01-01T000000Z", "2026-01-02T000000Z", "notes-of-mine"] {
        std::fs::create_dir(target.join(name)).expect("a directory");
    }
    // ExecStart= of the unit, with directories of the test and two backups to keep.
    let line = text_of("modehost-backup.service");
    let line = line.lines().find_map(|line| line.strip_prefix("ExecStart=")).expect("ExecStart").to_owned();
    let script = example("modehost-backup").display().to_string();
    let line = line.replace("/usr/local/bin/modehost-backup", &script).replace(" 14", " 2");
    let line = line.replace("/var/backups/modehost", &target.display().to_string());
    let line = line.replace("/var/lib/modehost", &data.display().to_string());
    let line = line.replace("/etc/modehost/modehost.yaml", &server.config_file().display().to_string());
    let path = format!("{}:/usr/bin:/bin", programs.display());
    let backup = || Command::new("sh").args(["-c", &line]).env("PATH", &path).output().expect("a shell");
    let made = backup();
    assert!(made.status.success(), "{}", text(&made.stderr));
    let mut names: Vec<_> =
        std::fs::read_dir(&target).expect("a directory").map(|entry| entry.expect("an entry").file_name()).collect();
    names.sort();
    assert_eq!(names.len(), 3, "{names:?}");
    assert_eq!((names[0].to_str(), names[2].to_str()), (Some("2026-01-02T000000Z"), Some("notes-of-mine")));
    let newest = target.join(&names[1]);
    for file in ["modehost.db", "notes/one.md", "modehost.yaml"] {
        assert!(newest.join(file).is_file(), "{file}");
    }
    assert!(!newest.join("plugins-cache").exists(), "caches are not backed up");

    // A failed backup leaves nothing behind and removes nothing.
    std::fs::rename(programs.join("modehost"), programs.join("other")).expect("renamed");
    assert!(!backup().status.success());
    assert_eq!(std::fs::read_dir(&target).expect("a directory").count(), 3);

    // Restored into an empty directory, as README.md says.
    let mut again = Server::prepare(&Settings::new().bundled());
    copy(&newest, &again.data_dir());
    again.launch();
    again.ready().await;
    let mut device = Device::join(&again, "dev-1").await;
    device.send(json!({ "type": "workflow", "event": "refresh" })).await;
    let has_it = |message: &serde_json::Value| message["tasks"].to_string().contains("kept");
    device.expect("the board is there", has_it).await;
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).expect("a directory");
    for entry in std::fs::read_dir(from).expect("a directory").map(|entry| entry.expect("an entry")) {
        let (source, target) = (entry.path(), to.join(entry.file_name()));
        match source.is_dir() {
            true => copy(&source, &target),
            false => std::fs::copy(&source, &target).map(drop).expect("copied"),
        }
    }
}
