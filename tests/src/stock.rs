//! Stock firmware, simulated after its own protocol code. Rule: it sends what the firmware sends, in that order, reacts
//! to server messages as the firmware does instead of only recording them, and knows the ecosystem's messages only.
//!
//! Source: the ecosystem's firmware for ESP32, states `idle`, `listening`, `speaking`: in `speaking` no microphone
//! audio is sent unless the device listens in real-time mode; after `tts` `stop` a device in automatic mode
//! starts listening again by itself; the button closes the connection in `listening` and aborts in `speaking`;
//! audio within 120 ms after `tts` `start` is dropped while the screen is updated.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::Message;

use crate::sound::opus;
use crate::{Device, Seen, Server};

/// Types of messages that stock firmware handles.
const KNOWN: [&str; 8] = ["hello", "stt", "tts", "llm", "mcp", "alert", "system", "iot"];
/// Audio that arrives within this time after `tts` `start` is dropped: the firmware is updating its screen.
const DROP_AFTER_START: Duration = Duration::from_millis(100);
const FRAME: Duration = Duration::from_millis(60);

/// State of the firmware.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    Idle,
    Listening,
    Speaking,
}

/// A device that runs stock firmware.
pub struct StockDevice {
    pub device: Device,
    pub state: State,
    /// Listening mode of the last `listen` `start`.
    mode: &'static str,
    speaking_since: Option<Instant>,
    /// How many entries of `device.seen()` have been handled.
    handled: usize,
    /// Message types that it does not know.
    pub unknown: Vec<String>,
    /// Audio frames that were dropped because they came too early.
    pub dropped_frames: usize,
    /// Alerts shown: status and message.
    pub alerts: Vec<(String, String)>,
}

impl StockDevice {
    /// Connects and says hello.
    ///
    /// # Panics
    /// If the server rejects the connection.
    pub async fn wake_up(server: &Server, id: &str) -> Self {
        let headers = [
            ("Authorization", "Bearer test-token"),
            ("Protocol-Version", "1"),
            ("Device-Id", id),
            ("Client-Id", "stock"),
        ];
        let outcome = Device::try_connect(server, "/xiaozhi/v1/", &headers).await;
        let mut device = outcome.unwrap_or_else(|refusal| panic!("{id} was refused: {refusal:?}"));
        device.hello_with(json!({ "mcp": true })).await;
        Self {
            device,
            state: State::Idle,
            mode: "auto",
            speaking_since: None,
            handled: 0,
            unknown: Vec::new(),
            dropped_frames: 0,
            alerts: Vec::new(),
        }
    }

    /// Wake word detected: sends its audio (S3, P4) and its text, and starts listening.
    pub async fn wake_word(&mut self, sound: &[i16], text: &str) {
        self.device.speaks(sound).await;
        self.device.send(json!({ "session_id": "", "type": "listen", "state": "detect", "text": text })).await;
        self.listen("auto").await;
    }

    /// Starts listening.
    pub async fn listen(&mut self, mode: &'static str) {
        (self.mode, self.state) = (mode, State::Listening);
        self.device.send(json!({ "session_id": "", "type": "listen", "state": "start", "mode": mode })).await;
    }

    /// The button is pressed and held (push to talk).
    pub async fn press(&mut self) {
        self.listen("manual").await;
    }

    /// The button is released.
    pub async fn release(&mut self) {
        self.state = State::Idle;
        self.device.send(json!({ "session_id": "", "type": "listen", "state": "stop" })).await;
    }

    /// The button is pressed while the device speaks.
    pub async fn abort(&mut self) {
        self.device.send(json!({ "session_id": "", "type": "abort" })).await;
    }

    /// Streams speech in real time while handling what the server sends, so that the microphone is off while the device
    /// speaks. Returns how many frames were withheld because of that.
    ///
    /// # Panics
    /// If the connection ends before the speech does.
    pub async fn stream_speech(&mut self, pcm: &[i16]) -> usize {
        let mut withheld = 0;
        let mut due = tokio::time::Instant::now();
        for packet in opus(pcm) {
            while tokio::time::Instant::now() < due {
                let left = due - tokio::time::Instant::now();
                let end = self.handle_for(left).await;
                assert_eq!(end, None, "the connection has ended");
            }
            if self.state == State::Listening {
                self.device.send_message(Message::binary(packet)).await;
            } else {
                withheld += 1;
            }
            due += FRAME;
        }
        withheld
    }

    /// Handles server messages until the connection ends (returned) or nothing has come for `patience`.
    pub async fn until_quiet(&mut self, patience: Duration) -> Option<Seen> {
        loop {
            let before = self.device.seen().len();
            if let Some(end) = self.handle_for(patience).await {
                return Some(end);
            }
            if self.device.seen().len() == before {
                return None;
            }
        }
    }

    /// Handles server messages until the device has spoken and `tts` `stop` has come.
    ///
    /// # Panics
    /// If that does not happen within 40 s.
    pub async fn until_spoken(&mut self) {
        let started = Instant::now();
        let mut spoke = self.state == State::Speaking;
        while !spoke || self.state == State::Speaking {
            assert!(started.elapsed() < Duration::from_secs(40), "it never spoke; seen: {:#?}", self.device.seen());
            let end = self.handle_for(Duration::from_millis(200)).await;
            spoke |= self.state == State::Speaking;
            if let Some(end) = end {
                panic!("the connection has ended: {end:?}; seen: {:#?}", self.device.seen());
            }
        }
    }

    /// Handles what arrives within `patience`; returns the end of the connection, if it came.
    async fn handle_for(&mut self, patience: Duration) -> Option<Seen> {
        let seen = self.device.next_within(patience).await;
        while self.handled < self.device.seen().len() {
            let seen = self.device.seen()[self.handled].clone();
            self.handled += 1;
            match seen {
                Seen::Json(message) => self.handle(&message).await,
                Seen::Binary(_) if self.speaking_since.is_some_and(|since| since.elapsed() < DROP_AFTER_START) => {
                    self.dropped_frames += 1;
                }
                _ => {}
            }
        }
        seen.filter(|seen| matches!(seen, Seen::Closed(..) | Seen::Lost(_)))
    }

    async fn handle(&mut self, message: &Value) {
        let kind = message["type"].as_str().unwrap_or_default();
        if !KNOWN.contains(&kind) {
            self.unknown.push(message.to_string());
        }
        match (kind, message["state"].as_str().unwrap_or_default()) {
            ("tts", "start") => {
                self.state = State::Speaking;
                self.speaking_since = Some(Instant::now());
            }
            ("tts", "stop") if self.state == State::Speaking => match self.mode {
                "manual" => self.state = State::Idle,
                mode => self.listen(mode).await,
            },
            ("alert", _) => {
                let member = |name: &str| message[name].as_str().unwrap_or_default().to_owned();
                self.alerts.push((member("status"), member("message")));
            }
            ("mcp", _) => self.answer_mcp(&message["payload"]).await,
            _ => {}
        }
    }

    /// The device's MCP server: two tools.
    async fn answer_mcp(&mut self, request: &Value) {
        let result = match request["method"].as_str().unwrap_or_default() {
            "initialize" => json!({ "protocolVersion": "2024-11-05", "capabilities": { "tools": {} },
                "serverInfo": { "name": "stock-board", "version": "1.8.0" } }),
            "tools/list" => json!({ "tools": [
                { "name": "self.get_device_status", "description": "Provides the status of the device.",
                  "inputSchema": { "type": "object", "properties": {} } },
                { "name": "self.audio_speaker.set_volume", "description": "Sets the volume.", "inputSchema": {
                  "type": "object", "properties": { "volume": { "type": "integer", "minimum": 0, "maximum": 100 } },
                  "required": ["volume"] } },
            ] }),
            "tools/call" => json!({ "content": [{ "type": "text", "text": "true" }], "isError": false }),
            _ => return,
        };
        let payload = json!({ "jsonrpc": "2.0", "id": request["id"], "result": result });
        self.device.send(json!({ "session_id": "", "type": "mcp", "payload": payload })).await;
    }

    /// Captions (`stt`) that the server sent.
    pub fn captions(&self) -> Vec<String> {
        self.texts(|message| message["type"] == "stt")
    }

    /// Sentences announced for playback (`sentence_start`).
    pub fn sentences(&self) -> Vec<String> {
        self.texts(|message| message["type"] == "tts" && message["state"] == "sentence_start")
    }

    fn texts(&self, wanted: impl Fn(&Value) -> bool) -> Vec<String> {
        let texts = self.device.seen().iter().filter_map(|seen| match seen {
            Seen::Json(message) if wanted(message) => message["text"].as_str().map(str::to_owned),
            _ => None,
        });
        texts.collect()
    }
}
