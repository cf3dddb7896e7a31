//! Three honest devices, and the checks after each attack. Rule: resources are bounded, times are not; an acknowledged
//! count is neither lost nor repeated.

use modehost_tests::{Device, Seen, http, wait};
use serde_json::json;

use super::Aftermath;
use super::test_host::TestHost;

/// Honest devices; each is connected throughout.
pub const HONEST: usize = 3;
/// Limit of resident memory of an unoptimised server, in KiB.
const MAX_KIB: u64 = 600 * 1024;
/// Files allowed above the initial count: those that a compiler, a log or the database opens temporarily.
const SPARE_FILES: usize = 24;

/// One honest device.
struct Honest {
    id: String,
    device: Option<Device>,
    acknowledged: u64,
    /// The session whose state holds the count.
    session: String,
}

impl Honest {
    /// Increments the count and makes it durable.
    async fn count(&mut self, host: &TestHost) {
        let mut device = match self.device.take() {
            Some(device) => device,
            None => host.join(&self.id).await,
        };
        if self.session.is_empty() {
            device.session_id().clone_into(&mut self.session);
        }
        assert_eq!(device.session_id(), self.session, "{} has another session", self.id);
        device.send(json!({ "type": "fixture", "do": "count" })).await;
        // A kill may have lost the completion of the last durable effect, which is then reported again.
        let answer =
            device.expect("a count", |message| message["type"] == "error" || !message["count"].is_null()).await;
        let count = self.acknowledged + 1;
        assert_eq!(answer["count"], count, "{}: lost or doubled: {answer}", self.id);
        self.acknowledged = count;
        // Between durable effects a kill may lose the latest state; this is a durable effect.
        let key = format!("fixture/{}", self.id);
        device.send(json!({ "type": "fixture", "do": "append", "key": key, "value": "1", "request": count })).await;
        let written =
            device.expect("it is written", |message| message["done"] == count || message["failed"] == count).await;
        assert_eq!(written["done"], count, "{written}");
        device.clear_seen();
        self.device = Some(device);
    }

    /// Consumes what the attack has done to the connection.
    async fn observe(&mut self, aftermath: Aftermath) {
        let Some(device) = &mut self.device else { return };
        match aftermath {
            Aftermath::Nothing => return,
            Aftermath::Killed => {}
            Aftermath::Restarted => {
                let (code, _) = device.expect_close().await;
                assert_eq!(code, 1012, "{}", self.id);
            }
        }
        self.device = None;
    }
}

pub struct Witnesses {
    honest: Vec<Honest>,
    /// Open files of the process before the first attack.
    files: usize,
}

impl Witnesses {
    pub async fn join(host: &TestHost) -> Self {
        let names = (1..=HONEST).map(|number| format!("honest-{number}"));
        let honest = names.map(|id| Honest { id, device: None, acknowledged: 0, session: String::new() }).collect();
        let mut witnesses = Self { honest, files: usize::MAX };
        witnesses.check(host, Aftermath::Nothing).await;
        witnesses.files = files(host);
        witnesses
    }

    /// Checks everything that must hold after an attack.
    pub async fn check(&mut self, host: &TestHost, aftermath: Aftermath) {
        for honest in &mut self.honest {
            honest.observe(aftermath).await;
            honest.count(host).await;
        }
        for (method, path) in [("GET", "/healthz"), ("GET", "/readyz"), ("GET", "/metrics"), ("POST", "/xiaozhi/ota/")]
        {
            let headers = [("Device-Id", "honest-1"), ("Client-Id", "test")];
            let answer = http::request(host.server.http(), method, path, &headers, "").await;
            let answer = answer.unwrap_or_else(|| panic!("{method} {path}: no answer"));
            assert_eq!(answer.status, 200, "{method} {path}: {answer:?}");
        }
        let resident = resident_kib(host);
        assert!(resident < MAX_KIB, "the server holds {resident} KiB");
        let most = self.files.saturating_add(SPARE_FILES);
        let open = async || files(host);
        wait::until("no file is left open", wait::TIMEOUT, open, |open| *open <= most).await;
        // A connection that was closed for no reason is found now, not in the next round.
        for honest in &mut self.honest {
            if let Some(device) = &mut honest.device {
                device.ping().await;
                let over = |seen: &Seen| matches!(seen, Seen::Closed(..) | Seen::Lost(_));
                assert!(!device.seen().iter().any(over), "{}: {:?}", honest.id, device.seen());
                device.clear_seen();
            }
        }
    }
}

fn files(host: &TestHost) -> usize {
    let directory = format!("/proc/{}/fd", host.server.pid().as_raw_nonzero());
    std::fs::read_dir(directory).expect("the files of the process").count()
}

fn resident_kib(host: &TestHost) -> u64 {
    let path = format!("/proc/{}/status", host.server.pid().as_raw_nonzero());
    let status = std::fs::read_to_string(path).expect("the process lives");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("its memory");
    line.trim().trim_end_matches(" kB").parse().expect("a number")
}
