//! The server of a bad day, what opens it, and the dice. Rule: all that is random comes from these dice, so that a
//! seed plays the same attacks again.

use modehost_tests::http::{self, Response};
use modehost_tests::{Device, Server, Settings, guest, wait};
use serde_json::{Value, json};

/// Where devices connect.
pub const PATH: &str = "/supie/v1/";
/// Opens the operators' interface.
pub const ADMIN: &str = "bad-day-admin-4711";
/// Opens the server to every device.
pub const TOKEN: &str = "bad-day-device-4711";
/// Opens the operators' messages.
pub const SECRET: &str = "bad-day-secret-4711";
/// How every wrong token begins.
pub const WRONG: &str = "wrong-4711-";

pub struct Scene {
    pub server: Server,
    pub settings: Settings,
    pub dice: fastrand::Rng,
    /// Of the fixture; no version is ever used again, since one that was rolled back stays so.
    version: u32,
    made: u32,
}

impl Scene {
    pub async fn start(seed: u64) -> Self {
        let settings = Settings::new()
            .plugin("fixture", guest::fixture_version("1.0.0"))
            .set("server.secret", json!(SECRET))
            .set("server.admin_token", json!(ADMIN))
            .set("auth.methods", json!(["tokens"]))
            .set("auth.tokens", json!([{ "token": TOKEN }]))
            // Attackers and honest devices have one address here, and made-up devices come after wrong tokens.
            .set(
                "auth.rate_limit",
                json!({ "failures_per_minute": 1_000_000, "device_failures_per_minute": 1_000_000 }),
            )
            .set("gateway.handshake_timeout_ms", json!(1500))
            .set("plugins.rollback.window_s", json!(1));
        let server = Server::start(settings.clone()).await;
        Self { server, settings, dice: fastrand::Rng::with_seed(seed), version: 1, made: 0 }
    }

    /// The next version of the fixture.
    pub fn next_version(&mut self) -> String {
        self.version += 1;
        format!("{}.0.0", self.version)
    }

    /// A name that no device has had.
    pub fn made_up(&mut self) -> String {
        self.made += 1;
        format!("made-up-{}", self.made)
    }

    /// A token that opens nothing.
    pub fn wrong_token(&mut self) -> String {
        format!("{WRONG}{:016x}", self.dice.u64(..))
    }

    /// Connects with the token, and says nothing yet.
    pub async fn connect(&self, id: &str) -> Device {
        connect(&self.server, id).await
    }

    pub async fn join(&self, id: &str) -> Device {
        let mut device = self.connect(id).await;
        device.hello().await;
        device
    }

    /// A request of an operator who may.
    pub async fn operator(&self, method: &str, path: &str, body: &str) -> Response {
        let bearer = format!("Bearer {ADMIN}");
        let headers = [("Authorization", bearer.as_str()), ("Content-Type", "application/json")];
        let answer = http::request(self.server.http(), method, path, &headers, body).await;
        answer.unwrap_or_else(|| panic!("{method} {path}: no answer"))
    }

    /// Connections of devices that the server counts.
    pub async fn connections(&self) -> Option<usize> {
        self.figure("modehost_connections").await
    }

    /// How many it has counted since it began.
    pub async fn attached(&self) -> Option<usize> {
        self.figure("modehost_connections_total").await
    }

    async fn figure(&self, name: &str) -> Option<usize> {
        let figures = self.operator("GET", "/metrics", "").await.body;
        let line = figures.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '))?;
        line.trim().parse().ok()
    }

    /// All rows of plugins.
    pub async fn plugins(&self) -> Vec<Value> {
        self.operator("GET", "/api/v1/plugins", "").await.json().as_array().cloned().unwrap_or_default()
    }

    /// Puts a good version of the fixture into the folder and waits until it serves.
    pub async fn install_good(&mut self) {
        let version = self.next_version();
        self.server.install("fixture", &guest::fixture_version(&version));
        let look = async || self.plugins().await;
        let serves = |row: &Value| {
            row["id"] == "fixture"
                && row["version"] == *version
                && matches!(row["state"].as_str(), Some("trial" | "active"))
        };
        wait::until("the good version serves", wait::SOON * 3, look, |rows| rows.iter().any(serves)).await;
    }

    /// How often the server has become ready.
    pub fn starts(&self) -> usize {
        self.server.output().matches(" is ready after ").count()
    }

    /// What it wrote: no panic, nothing that opens it, and not too much.
    ///
    /// # Panics
    /// If it is otherwise.
    pub fn judge_output(&self, most: usize) {
        let output = self.server.output();
        // Guests may, and it is told what they said.
        let own = |line: &&str| line.contains("panicked") && !line.contains("tests/guests/");
        assert_eq!(output.lines().find(own), None, "the server panicked");
        for secret in [ADMIN, TOKEN, SECRET, WRONG] {
            assert!(!output.contains(secret), "the server wrote {secret}");
        }
        let lines = output.lines().count();
        eprintln!("{lines} lines of the log, {most} are allowed");
        assert!(lines <= most, "the server wrote {lines} lines, more than {most}");
    }
}

/// Connects with the token, and says nothing yet.
///
/// # Panics
/// If the server refuses.
pub async fn connect(server: &Server, id: &str) -> Device {
    let bearer = format!("Bearer {TOKEN}");
    let headers = [("Device-Id", id), ("Client-Id", "test"), ("Authorization", bearer.as_str())];
    let outcome = Device::try_connect(server, PATH, &headers).await;
    outcome.unwrap_or_else(|refusal| panic!("{id} was refused: {refusal:?}"))
}
