//! Faults among a hundred thousand messages: kills, a full disk, clock jumps. Rule: each runs in a child process, and
//! what the child has printed counts.

use std::collections::HashSet;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;

use modehost_ids::DeviceId;
use modehost_storage::traits::OfflineQueue;
use modehost_storage::{Config, FallbackQueue, Reply, SqliteStorage, StorageError};

const CHILD_DIR: &str = "MODEHOST_TEST_CHILD_DIR";
const CHILD_FROM: &str = "MODEHOST_TEST_CHILD_FROM";
const MESSAGES: usize = 100_000;
const WRITERS: usize = 4;
/// Unacknowledged messages per writer.
const IN_FLIGHT: usize = 128;
const DEVICES: usize = 500;
const LONG: u64 = 1_000_000_000;
const HOUR: u64 = 3_600_000;

fn outcome<T: Unpin>(reply: Reply<T>) -> Result<T, StorageError> {
    futures_lite::future::block_on(reply)
}

fn get<T: Unpin>(reply: Reply<T>) -> T {
    outcome(reply).expect("an answer")
}

fn open(dir: &Path) -> Arc<SqliteStorage> {
    let storage = SqliteStorage::open(&Config { dir: dir.into(), ..Config::default() }).expect("a storage");
    storage.set_limit_per_device(u32::MAX);
    storage
}

fn device(number: usize) -> DeviceId {
    DeviceId::new(format!("device-{}", number % DEVICES))
}

/// Delivers everything that is queued to all devices: page by page, removing each page.
fn deliver_all(storage: &SqliteStorage) -> Vec<(usize, usize)> {
    let mut all = Vec::new();
    for number in 0..DEVICES {
        let device = device(number);
        loop {
            let page = get(storage.next_page(&device, 2));
            if page.is_empty() {
                break;
            }
            all.extend(page.iter().map(|message| (number, message.payload.parse::<usize>().expect("a number"))));
            get(storage.remove(&device, page.iter().map(|message| message.id).collect()));
        }
    }
    all
}

/// Not a test: the child process of [`p3_kills_in_a_hundred_thousand_messages_lose_none_and_double_none`].
#[test]
#[ignore = "started by another test as a process of its own"]
fn child_that_queues() {
    let (Ok(dir), Ok(from)) = (std::env::var(CHILD_DIR), std::env::var(CHILD_FROM)) else { return };
    let from: usize = from.parse().expect("a number");
    let storage = open(Path::new(&dir));
    println!();
    std::thread::scope(|scope| {
        for writer in 0..WRITERS {
            let storage = storage.clone();
            scope.spawn(move || {
                let mine: Vec<usize> = (from..MESSAGES).filter(|number| number % WRITERS == writer).collect();
                for batch in mine.chunks(IN_FLIGHT) {
                    let in_flight: Vec<_> = batch
                        .iter()
                        .map(|number| (number, storage.enqueue(&device(*number), number.to_string().into(), 1, LONG)))
                        .collect();
                    let mut output = String::new();
                    for (number, reply) in in_flight {
                        assert_eq!(outcome(reply), Ok(0));
                        output.push_str(&format!("ack {number}\n"));
                    }
                    // One write for many lines: each line is printed whole or, at a kill, cut off.
                    let _ = std::io::stdout().lock().write_all(output.as_bytes());
                }
            });
        }
    });
    println!("end");
}

/// Kills the child when the test ends early.
struct Killed(Child);

impl Drop for Killed {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn child(name: &str, dir: &Path, from: usize) -> Killed {
    let child = Command::new(std::env::current_exe().expect("this test"))
        .args([name, "--exact", "--ignored", "--nocapture"])
        .env(CHILD_DIR, dir)
        .env(CHILD_FROM, from.to_string())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn();
    Killed(child.expect("a child"))
}

#[test]
fn p3_kills_in_a_hundred_thousand_messages_lose_none_and_double_none() {
    let dir = tempfile::tempdir().expect("a folder");
    let (mut from, mut delivered, mut kills) = (0, 0, 0);
    while from < MESSAGES {
        // The child is killed after this many acknowledgements, whatever it is doing.
        let kill_after = 9_000 + kills * 7_777;
        let mut killed = false;
        let mut child = child("child_that_queues", dir.path(), from);
        let mut output = BufReader::new(child.0.stdout.take().expect("its output"));
        let (mut acknowledged, mut ended, mut line) = (HashSet::new(), false, String::new());
        // A line that the kill has cut off does not count.
        while output.read_line(&mut line).is_ok_and(|bytes| bytes > 0) && line.ends_with('\n') {
            ended |= line == "end\n";
            acknowledged.extend(line.strip_prefix("ack ").and_then(|number| number.trim().parse::<usize>().ok()));
            if acknowledged.len() == kill_after && !killed {
                child.0.kill().expect("SIGKILL");
                (kills, killed) = (kills + 1, true);
            }
            line.clear();
        }
        child.0.wait().expect("its end");
        let storage = open(dir.path());
        let delivered_now = deliver_all(&storage);
        let unique: HashSet<usize> = delivered_now.iter().map(|(_, number)| *number).collect();
        assert_eq!(unique.len(), delivered_now.len(), "nothing is handed over twice");
        let lost: Vec<usize> = acknowledged.difference(&unique).copied().collect();
        assert!(lost.is_empty(), "lost: {lost:?}");
        for number in 0..DEVICES {
            // Messages of one writer keep their order; a device receives from several writers.
            for writer in 0..WRITERS {
                let mine: Vec<usize> = delivered_now
                    .iter()
                    .filter(|(device, message)| *device == number && message % WRITERS == writer)
                    .map(|(_, message)| *message)
                    .collect();
                assert!(mine.is_sorted(), "device {number}: {mine:?}");
            }
        }
        delivered += delivered_now.len();
        from = if ended { MESSAGES } else { unique.iter().max().map_or(from, |last| last + 1) };
    }
    assert!(kills >= 3, "only {kills} kills");
    println!("{delivered} messages handed over across {kills} kills");
    assert!(deliver_all(&open(dir.path())).is_empty(), "what was handed over does not come again");
}

/// Not a test: runs on a small disk that a shell has mounted.
#[test]
#[ignore = "started by another test as a process of its own"]
fn child_on_a_small_disk() {
    let Ok(dir) = std::env::var(CHILD_DIR) else { return };
    let dir = Path::new(&dir);
    let storage = open(dir);
    let queue = FallbackQueue::open(storage.clone(), dir).expect("a queue");
    queue.set_limit_per_device(u32::MAX);
    let (large, here) = ("x".repeat(20_000), DeviceId::new("here"));
    let mut kept = 0;
    let error_text = loop {
        match outcome(queue.enqueue(&here, format!("{kept}:{large}").into(), 1, LONG)) {
            Ok(_) => kept += 1,
            Err(error) => break error,
        }
        assert!(kept < 10_000, "the disk never fills");
    };
    assert!(kept > 0, "something was kept");
    let text = error_text.to_string();
    assert!(text.contains("room") && text.contains(dir.to_str().expect("UTF-8")), "{text}");
    // Everything acknowledged is still there, in order, although nothing can be written.
    let first = get(queue.next_page(&here, 2));
    assert!(first.first().is_some_and(|message| message.payload.starts_with("0:")), "reading goes on");
    std::fs::remove_file(dir.join("ballast")).expect("room");
    let mut seen = 0;
    loop {
        let page = get(queue.next_page(&here, 2));
        if page.is_empty() {
            break;
        }
        for message in &page {
            assert!(message.payload.starts_with(&format!("{seen}:")), "message {seen} is missing");
            seen += 1;
        }
        get(queue.remove(&here, page.iter().map(|message| message.id).collect()));
    }
    assert_eq!(seen, kept, "each acknowledged message once");
    get(queue.enqueue(&here, "after".into(), 1, LONG));
    println!("kept {kept}");
}

#[test]
fn p3_a_really_full_disk_loses_nothing_that_was_acknowledged() {
    let dir = tempfile::tempdir().expect("a folder");
    let script = "mount -t tmpfs -o size=4m tmpfs \"$0\" || exit 77; \
                  dd if=/dev/zero of=\"$0/ballast\" bs=1024 count=1500 2>/dev/null; exec \"$@\"";
    // Its own mount namespace: nothing stays mounted, and no privileges are needed where that is allowed.
    let output = Command::new("unshare")
        .args(["--user", "--map-root-user", "--mount", "sh", "-c", script])
        .arg(dir.path())
        .arg(std::env::current_exe().expect("this test"))
        .args(["child_on_a_small_disk", "--exact", "--ignored", "--nocapture"])
        .env(CHILD_DIR, dir.path())
        .output();
    let Ok(output) = output else {
        println!("skipped: there is no unshare here");
        return;
    };
    let stdout = String::from_utf8_lossy(&output.stdout);
    let stderr = String::from_utf8_lossy(&output.stderr);
    if output.status.code() == Some(77) || stderr.contains("unshare:") {
        println!("skipped: this user may not mount a small disk: {stderr}");
        return;
    }
    assert!(output.status.success() && stdout.contains("kept "), "{stdout}\n{stderr}");
}

/// Not a test: runs as an unprivileged user.
#[test]
#[ignore = "started by another test as a process of its own"]
fn child_whose_rights_are_taken() {
    use std::os::unix::fs::PermissionsExt;
    let Ok(dir) = std::env::var(CHILD_DIR) else { return };
    let dir = Path::new(&dir).join("data");
    let allow = |path: &Path, mode: u32| {
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).expect("own files");
    };
    let storage = open(&dir);
    let queue = FallbackQueue::open(storage.clone(), &dir).expect("a queue");
    let here = DeviceId::new("here");
    get(queue.enqueue(&here, "0".into(), 1, LONG));
    let file = dir.join("modehost.db");
    allow(&file, 0o400);
    allow(&dir, 0o000);
    if std::fs::read_dir(&dir).is_ok() {
        println!("all rights");
        return;
    }
    // Open files stay open; whether a message is accepted or not, the reply is true.
    let mut kept = vec!["0".to_owned()];
    for number in 1..200 {
        match outcome(queue.enqueue(&here, number.to_string().into(), 1, LONG)) {
            Ok(_) => kept.push(number.to_string()),
            Err(error) => {
                assert!(error.to_string().contains("modehost.db") || error.to_string().contains("queue"), "{error}")
            }
        }
    }
    drop((queue, storage));
    let error_text = match SqliteStorage::open(&Config { dir: dir.clone(), ..Config::default() }) {
        Ok(_) => panic!("opened without rights"),
        Err(error) => error.to_string(),
    };
    assert!(error_text.contains("data") && error_text.contains("let this user write there"), "{error_text}");
    allow(&dir, 0o700);
    let error_text = match SqliteStorage::open(&Config { dir: dir.clone(), ..Config::default() }) {
        Ok(_) => panic!("opened a file that may not be written"),
        Err(error) => error.to_string(),
    };
    assert!(error_text.contains("modehost.db") && error_text.contains("write"), "{error_text}");
    allow(&file, 0o600);
    let storage = open(&dir);
    let mut found = Vec::new();
    loop {
        let page = get(storage.next_page(&here, 2));
        if page.is_empty() {
            break;
        }
        found.extend(page.iter().map(|message| message.payload.to_string()));
        get(storage.remove(&here, page.iter().map(|message| message.id).collect()));
    }
    assert_eq!(found, kept);
    println!("kept {}", kept.len());
}

#[test]
fn rights_that_are_taken_away_at_run_time_are_told_and_lose_nothing() {
    use std::os::unix::fs::PermissionsExt;
    let dir = tempfile::tempdir().expect("a folder");
    let open_to_all = std::fs::Permissions::from_mode(0o777);
    std::fs::set_permissions(dir.path(), open_to_all).expect("own folder");
    // Root runs the child as an unprivileged user, who needs a copy of the program.
    let program = dir.path().join("child");
    std::fs::copy(std::env::current_exe().expect("this test"), &program).expect("a copy");
    let arguments = ["child_whose_rights_are_taken", "--exact", "--ignored", "--nocapture"];
    let as_nobody = ["--reuid=65534", "--regid=65534", "--clear-groups"];
    let mut command = Command::new("setpriv");
    let first = command.args(as_nobody).arg(&program).args(arguments).env(CHILD_DIR, dir.path()).output();
    let output = match first {
        Ok(output) if output.status.success() || !String::from_utf8_lossy(&output.stderr).starts_with("setpriv:") => {
            output
        }
        _ => Command::new(&program).args(arguments).env(CHILD_DIR, dir.path()).output().expect("a child"),
    };
    let stdout = String::from_utf8_lossy(&output.stdout);
    if stdout.contains("all rights") {
        println!("skipped: this user may do everything, and there is no setpriv");
        return;
    }
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && stdout.contains("kept "), "{stdout}\n{stderr}");
}

#[test]
fn a_clock_that_jumps_an_hour_either_way_loses_and_disorders_nothing() {
    let dir = tempfile::tempdir().expect("a folder");
    let storage = open(dir.path());
    let here = DeviceId::new("here");
    let noon = 1_800_000_000_000;
    let texts = |now: u64| -> Vec<String> {
        get(storage.next_page(&here, now)).iter().map(|message| message.payload.to_string()).collect()
    };
    // Queued at noon, then with the clock an hour back, then an hour ahead; each lives for four hours.
    for (text, at) in [("noon", noon), ("back", noon - HOUR), ("on", noon + HOUR)] {
        get(storage.enqueue(&here, text.into(), at, 4 * HOUR));
    }
    assert_eq!(texts(noon), ["noon", "back", "on"], "in the order of their coming, whatever the clock said");
    assert_eq!(texts(noon - HOUR), ["noon", "back", "on"], "going back expires nothing");
    assert_eq!(texts(noon + 3 * HOUR), ["noon", "on"], "four hours by the clock that it was queued by");
    assert_eq!(texts(noon), ["noon", "back", "on"], "looking removes nothing: the clock may come back");
    assert_eq!(texts(noon + 4 * HOUR), ["on"]);
    // A restart with another clock does not change that.
    drop(storage);
    let storage = open(dir.path());
    get(storage.enqueue(&here, "last".into(), noon - HOUR, 3 * HOUR));
    let waiting = get(storage.next_page(&here, noon));
    let order: Vec<&str> = waiting.iter().map(|message| &*message.payload).collect();
    assert_eq!(order, ["noon", "back", "on", "last"]);
}
