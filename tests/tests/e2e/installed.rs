//! The server as `examples/operation` installs it: its configuration, its units, its backup. Rule: what is handed out
//! is run, by the programs that it is meant for where they are installed; systemd's confinement is laid on by
//! `tests/confine/confine.py`, since no systemd runs here.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::Duration;

use modehost_tests::server::{binary, free_port, workspace_root};
use modehost_tests::{Device, Server, Settings, guest, http, lacking, wait};
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

/// Runs a program; none where it is not installed.
fn run(program: &str, arguments: &[&str]) -> Option<Output> {
    let output = Command::new(program).args(arguments).output();
    if output.is_err() {
        lacking::installed(program);
    }
    output.ok()
}

/// The units, with the programs that they name in the place of this machine's.
fn units() -> (tempfile::TempDir, Vec<String>) {
    let folder = tempfile::tempdir().expect("a folder");
    let mut names = Vec::new();
    for name in ["modehost.service", "modehost@.service", "modehost-backup.service", "modehost-backup.timer"] {
        let text = text_of(name).replace("/usr/local/bin/modehost-backup", "/bin/true");
        let text = text.replace("/usr/local/bin/modehost", &binary().display().to_string());
        let name = name.replace('@', "@one");
        std::fs::write(folder.path().join(&name), text).expect("written");
        names.push(folder.path().join(name).display().to_string());
    }
    (folder, names)
}

#[test]
fn systemd_takes_the_units_and_finds_little_exposed() {
    let (folder, names) = units();
    for (unit, most) in names.iter().zip([1.4, 1.4, 1.0]) {
        let Some(judged) = run("systemd-analyze", &["security", "--offline=true", unit]) else { return };
        let table = text(&judged.stdout);
        let last = table.lines().rfind(|line| line.contains("Overall exposure")).expect("a sum");
        let exposure = last.split(": ").nth(1).and_then(|rest| rest.split(' ').next()).and_then(|sum| sum.parse().ok());
        assert!(exposure.is_some_and(|exposure: f64| exposure <= most), "{unit}: {last}\n{table}");
    }
    let verify = |names: &[String]| {
        let arguments: Vec<_> = ["verify", "--man=no"].into_iter().chain(names.iter().map(String::as_str)).collect();
        let told = run("systemd-analyze", &arguments).expect("installed");
        assert!(told.status.success() && told.stderr.is_empty(), "{}", text(&told.stderr));
    };
    verify(&names);
    let drop_ins = folder.path().join("modehost.service.d");
    std::fs::create_dir(&drop_ins).expect("a folder");
    std::fs::copy(example("low-port.conf"), drop_ins.join("low-port.conf")).expect("copied");
    verify(&names[..1]);
}

/// The settings of a section of a unit, comments left out.
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
    // What its exit codes mean is said by the program itself.
    let help = text(&run(&binary().display().to_string(), &["--help"]).expect("the binary").stdout);
    let codes = one.lines().find_map(|line| line.strip_prefix("RestartPreventExitStatus=")).expect("codes");
    for code in codes.split(' ') {
        assert!(help.contains(&format!("{code} for")), "{code}: {help}");
    }
}

/// What `confine.py` needs; none, and why, where it cannot be had.
fn confined(unit: &str, writable: &Path, folder: &Path) -> Option<PathBuf> {
    let script = workspace_root().join("tests/confine/confine.py");
    let confine = format!("python3 {} {} {}", script.display(), example(unit).display(), writable.display());
    let wrapper = folder.join("confined");
    std::fs::write(&wrapper, format!("#!/bin/sh\nexec {confine} \"$@\"\n")).expect("written");
    std::fs::set_permissions(&wrapper, PermissionsExt::from_mode(0o755)).expect("a program");
    let tried = Command::new(&wrapper).arg("/bin/true").output().expect("a shell");
    if !tried.status.success() {
        lacking::allowed(&format!("confine.py: {}", text(&tried.stderr)));
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
    let folder = tempfile::tempdir().expect("a folder");
    let Some(confine) = confined("modehost.service", &home, folder.path()) else { return };
    // That it is confined at all.
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
    let wrapper = folder.path().join("server");
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

    // Plugins were compiled by the helper; a device is served, and something is kept.
    let mut device = Device::join(&server, "dev-1").await;
    device.types("你会做什么").await;
    device.expect("an answer", |message| message["type"] == "tts" && message["state"] == "sentence_start").await;
    device.send(json!({ "type": "workflow", "event": "update", "task": { "title": "t" } })).await;
    device.expect("it is kept", |message| message["type"] == "workflow" && message["status"] == "ok").await;
    // What goes on in operation: a plugin, a configuration, the two lines of ExecReload=, a backup.
    let new = home.join("new");
    std::fs::write(&new, guest::fixture(&[])).expect("written");
    std::fs::rename(&new, server.plugin_file("fixture")).expect("put there");
    let fixture = async || server.plugin("fixture").await["version"].clone();
    wait::until("compiled and served", Duration::from_secs(60), fixture, |version| version.is_string()).await;
    let config = server.config_file().display().to_string();
    let checked = Command::new(&wrapper).args(["check", &config]).output().expect("run");
    assert!(checked.status.success() && text(&checked.stdout).ends_with("ok\n"), "{}", text(&checked.stderr));
    server.signal(Signal::HUP);
    server.says("SIGHUP: log files are opened anew").await;
    let (code, _, why) = server
        .run(&[
            "backup",
            &home.join("backup").display().to_string(),
            "--data",
            &server.data_dir().display().to_string(),
        ])
        .await;
    assert_eq!(code, 0, "{why}");
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

/// The secrets that README.md has put into /etc/modehost/environment.
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
    let (code, told) = check(&example("modehost.yaml"), &SECRETS);
    assert!(code == Some(0) && told.ends_with("ok\n") && !told.contains("warning"), "{told}");
    let (code, told) = check(&example("modehost.yaml"), &SECRETS[..1]);
    assert!(code == Some(64) && told.contains("auth.tokens"), "forgotten secrets are told: {told}");

    // The same with folders and ports of the test; the ports of Server come by environment.
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
    server.says("{\"timestamp\"").await;
}

#[tokio::test]
async fn backups_are_whole_and_the_newest_are_kept() {
    let server = Server::start(Settings::new().bundled()).await;
    let mut device = Device::join(&server, "dev-1").await;
    device.send(json!({ "type": "workflow", "event": "update", "task": { "title": "kept" } })).await;
    device.expect("it is kept", |message| message["type"] == "workflow" && message["status"] == "ok").await;
    let data = server.data_dir();
    std::fs::create_dir(data.join("notes")).expect("a folder");
    std::fs::write(data.join("notes/one.md"), "one").expect("a file of finished work");
    let folder = tempfile::tempdir().expect("a folder");
    let (target, programs) = (folder.path().join("backups"), folder.path().join("bin"));
    std::fs::create_dir(&target).expect("a folder");
    std::fs::create_dir(&programs).expect("a folder");
    std::os::unix::fs::symlink(binary(), programs.join("modehost")).expect("a link");
    // Older ones; what others have put there stays.
    for name in ["2026-01-01T000000Z", "2026-01-02T000000Z", "notes-of-mine"] {
        std::fs::create_dir(target.join(name)).expect("a folder");
    }
    // ExecStart= of the unit, with folders of the test and two to be kept.
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
        std::fs::read_dir(&target).expect("a folder").map(|entry| entry.expect("an entry").file_name()).collect();
    names.sort();
    assert_eq!(names.len(), 3, "{names:?}");
    assert_eq!((names[0].to_str(), names[2].to_str()), (Some("2026-01-02T000000Z"), Some("notes-of-mine")));
    let newest = target.join(&names[1]);
    for file in ["modehost.db", "notes/one.md", "modehost.yaml"] {
        assert!(newest.join(file).is_file(), "{file}");
    }
    assert!(!newest.join("plugins-cache").exists(), "what is made again needs no copy");

    // One that fails leaves nothing behind and takes nothing away.
    std::fs::rename(programs.join("modehost"), programs.join("other")).expect("renamed");
    assert!(!backup().status.success());
    assert_eq!(std::fs::read_dir(&target).expect("a folder").count(), 3);

    // Restored into an empty folder, as README.md says.
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
    std::fs::create_dir_all(to).expect("a folder");
    for entry in std::fs::read_dir(from).expect("a folder").map(|entry| entry.expect("an entry")) {
        let (source, target) = (entry.path(), to.join(entry.file_name()));
        match source.is_dir() {
            true => copy(&source, &target),
            false => std::fs::copy(&source, &target).map(drop).expect("copied"),
        }
    }
}
