//! The server of a bad day, its credentials, and the random generator. Rule: this generator is the only source of
//! randomness, so that a seed reproduces the same attacks.

use modehost_tests::http::{self, Response};
use modehost_tests::{Device, Server, Settings, guest, wait};
use serde_json::{Value, json};

/// Path of the devices' WebSocket endpoint.
pub const PATH: &str = "/supie/v1/";
/// Bearer token of the admin API.
pub const ADMIN: &str = "bad-day-admin-4711";
/// Token with which any device may connect.
pub const TOKEN: &str = "bad-day-device-4711";
/// Secret of control sessions.
pub const SECRET: &str = "bad-day-secret-4711";
/// Prefix of every wrong token.
pub const WRONG: &str = "wrong-4711-";

pub struct TestHost {
    pub server: Server,
    pub settings: Settings,
    pub random: fastrand::Rng,
    /// Version of the fixture; never reused, since a version that was rolled back stays rolled back.
    version: u32,
    generated: u32,
}

impl TestHost {
    pub async fn start(seed: u64) -> Self {
        let settings = Settings::new()
            .plugin("fixture", guest::fixture_version("1.0.0"))
            .set("server.secret", json!(SECRET))
            .set("server.admin_token", json!(ADMIN))
            .set("auth.methods", json!(["tokens"]))
            .set("auth.tokens", json!([{ "token": TOKEN }]))
            // Attackers and honest devices share one address here, and generated devices connect after wrong tokens.
            .set(
                "auth.rate_limit",
                json!({ "failures_per_minute": 1_000_000, "device_failures_per_minute": 1_000_000 }),
            )
            .set("gateway.handshake_timeout_ms", json!(1500))
            .set("plugins.rollback.window_s", json!(1));
        let server = Server::start(settings.clone()).await;
        Self { server, settings, random: fastrand::Rng::with_seed(seed), version: 1, generated: 0 }
    }

    /// The next version number of the fixture.
    pub fn next_version(&mut self) -> String {
        self.version += 1;
        format!("{}.0.0", self.version)
    }

    /// A device id that has not been used before.
    pub fn new_device_id(&mut self) -> String {
        self.generated += 1;
        format!("made-up-{}", self.generated)
    }

    /// A token that is not accepted.
    pub fn wrong_token(&mut self) -> String {
        format!("{WRONG}{:016x}", self.random.u64(..))
    }

    /// Connects with the token, without a hello.
    pub async fn connect(&self, id: &str) -> Device {
        connect(&self.server, id).await
    }

    pub async fn join(&self, id: &str) -> Device {
        let mut device = self.connect(id).await;
        device.hello().await;
        device
    }

    /// An authorised request to the admin API.
    pub async fn admin(&self, method: &str, path: &str, body: &str) -> Response {
        let bearer = format!("Bearer {ADMIN}");
        let headers = [("Authorization", bearer.as_str()), ("Content-Type", "application/json")];
        let answer = http::request(self.server.http(), method, path, &headers, body).await;
        answer.unwrap_or_else(|| panic!("{method} {path}: no answer"))
    }

    /// The server's count of open connections.
    pub async fn connections(&self) -> Option<usize> {
        self.metric("modehost_connections").await
    }

    /// The server's count of all connections since its start.
    pub async fn attached(&self) -> Option<usize> {
        self.metric("modehost_connections_total").await
    }

    async fn metric(&self, name: &str) -> Option<usize> {
        let metrics = self.admin("GET", "/metrics", "").await.body;
        let line = metrics.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '))?;
        line.trim().parse().ok()
    }

    /// The rows of all plugins.
    pub async fn plugins(&self) -> Vec<Value> {
        self.admin("GET", "/api/v1/plugins", "").await.json().as_array().cloned().unwrap_or_default()
    }

    /// Installs a good version of the fixture and waits until it serves.
    pub async fn install_good(&mut self) {
        let version = self.next_version();
        self.server.install("fixture", &guest::fixture_version(&version));
        let probe = async || self.plugins().await;
        let serves = |row: &Value| {
            row["id"] == "fixture"
                && row["version"] == *version
                && matches!(row["state"].as_str(), Some("trial" | "active"))
        };
        wait::until("the good version serves", wait::TIMEOUT * 3, probe, |rows| rows.iter().any(serves)).await;
    }

    /// How often the server has become ready.
    pub fn starts(&self) -> usize {
        self.server.output().matches(" is ready after ").count()
    }

    /// Asserts that the output contains no panic, no credentials and at most `most` lines.
    ///
    /// # Panics
    /// If it does.
    pub fn assert_output(&self, most: usize) {
        let output = self.server.output();
        // Guests may panic, and their message is logged.
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

/// Connects with the token, without a hello.
///
/// # Panics
/// If the server rejects the connection.
pub async fn connect(server: &Server, id: &str) -> Device {
    let bearer = format!("Bearer {TOKEN}");
    let headers = [("Device-Id", id), ("Client-Id", "test"), ("Authorization", bearer.as_str())];
    let outcome = Device::try_connect(server, PATH, &headers).await;
    outcome.unwrap_or_else(|refusal| panic!("{id} was refused: {refusal:?}"))
}
