//! Three honest devices, and what is looked at after each attack. Rule: figures are bounded, never times; a count
//! that was acknowledged is neither lost nor given twice.

use modehost_tests::{Device, Seen, http, wait};
use serde_json::json;

use super::Aftermath;
use super::scene::Scene;

/// Honest devices, each of which has a connection all the while.
pub const HONEST: usize = 3;
/// Resident memory of an unoptimised server, in KiB.
const MOST_KIB: u64 = 600 * 1024;
/// Files beside those that were open at first: what a compiler, a log or a database holds for a moment.
const SPARE_FILES: usize = 24;

/// One honest device.
struct Honest {
    id: String,
    device: Option<Device>,
    acknowledged: u64,
    /// The state that the count belongs to.
    session: String,
}

impl Honest {
    /// Counts, and has the count written.
    async fn count(&mut self, scene: &Scene) {
        let mut device = match self.device.take() {
            Some(device) => device,
            None => scene.join(&self.id).await,
        };
        if self.session.is_empty() {
            device.session_id().clone_into(&mut self.session);
        }
        assert_eq!(device.session_id(), self.session, "{} has another session", self.id);
        device.send(json!({ "type": "fixture", "do": "count" })).await;
        // A kill may have cost what came after the last durable effect: that it was done. Then it is told again.
        let answer =
            device.expect("a count", |message| message["type"] == "error" || !message["count"].is_null()).await;
        let count = self.acknowledged + 1;
        assert_eq!(answer["count"], count, "{}: lost or doubled: {answer}", self.id);
        self.acknowledged = count;
        // Between durable effects a kill may cost the last moment; this makes one.
        let key = format!("fixture/{}", self.id);
        device.send(json!({ "type": "fixture", "do": "append", "key": key, "value": "1", "request": count })).await;
        let written =
            device.expect("it is written", |message| message["done"] == count || message["failed"] == count).await;
        assert_eq!(written["done"], count, "{written}");
        device.forget();
        self.device = Some(device);
    }

    /// What an attack has done to the connection, read from it.
    async fn feel(&mut self, aftermath: Aftermath) {
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
    pub async fn gather(scene: &Scene) -> Self {
        let names = (1..=HONEST).map(|number| format!("honest-{number}"));
        let honest = names.map(|id| Honest { id, device: None, acknowledged: 0, session: String::new() }).collect();
        let mut witnesses = Self { honest, files: usize::MAX };
        witnesses.look(scene, Aftermath::Nothing).await;
        witnesses.files = files(scene);
        witnesses
    }

    /// Looks at everything that must hold after an attack.
    pub async fn look(&mut self, scene: &Scene, aftermath: Aftermath) {
        for honest in &mut self.honest {
            honest.feel(aftermath).await;
            honest.count(scene).await;
        }
        for (method, path) in [("GET", "/healthz"), ("GET", "/readyz"), ("GET", "/metrics"), ("POST", "/xiaozhi/ota/")]
        {
            let headers = [("Device-Id", "honest-1"), ("Client-Id", "test")];
            let answer = http::request(scene.server.http(), method, path, &headers, "").await;
            let answer = answer.unwrap_or_else(|| panic!("{method} {path}: no answer"));
            assert_eq!(answer.status, 200, "{method} {path}: {answer:?}");
        }
        let resident = resident_kib(scene);
        assert!(resident < MOST_KIB, "the server holds {resident} KiB");
        let most = self.files.saturating_add(SPARE_FILES);
        let open = async || files(scene);
        wait::until("no file is left open", wait::SOON, open, |open| *open <= most).await;
        // A connection that ended although nothing was done to it is seen here, not in the next round.
        for honest in &mut self.honest {
            if let Some(device) = &mut honest.device {
                device.ping().await;
                let over = |seen: &Seen| matches!(seen, Seen::Closed(..) | Seen::Lost(_));
                assert!(!device.seen().iter().any(over), "{}: {:?}", honest.id, device.seen());
                device.forget();
            }
        }
    }
}

fn files(scene: &Scene) -> usize {
    let folder = format!("/proc/{}/fd", scene.server.pid().as_raw_nonzero());
    std::fs::read_dir(folder).expect("the files of the process").count()
}

fn resident_kib(scene: &Scene) -> u64 {
    let path = format!("/proc/{}/status", scene.server.pid().as_raw_nonzero());
    let status = std::fs::read_to_string(path).expect("the process lives");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("its memory");
    line.trim().trim_end_matches(" kB").parse().expect("a number")
}
