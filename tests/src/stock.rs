//! Stock firmware, as its own protocol code behaves. Rule: it sends what firmware sends and in that order, does what
//! firmware does with what it is told (which is more than to note it), and knows no message but the ecosystem's.
//!
//! Source: the ecosystem's firmware for ESP32, states `idle`, `listening`, `speaking`: in `speaking` nothing of the
//! microphone is sent unless the device listens in real time; after `tts` `stop` a device in automatic listening
//! begins to listen again by itself; the button in `listening` closes the connection, in `speaking` it aborts;
//! sound within 120 ms after `tts` `start` is thrown away while the screen works.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::Message;

use crate::sound::opus;
use crate::{Device, Seen, Server};

/// Types of messages that stock firmware handles.
const KNOWN: [&str; 8] = ["hello", "stt", "tts", "llm", "mcp", "alert", "system", "iot"];
/// While the screen works on `tts` `start`, sound is thrown away.
const DEAF: Duration = Duration::from_millis(100);
const FRAME: Duration = Duration::from_millis(60);

/// What a device is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    Idle,
    Listening,
    Speaking,
}

/// A device with stock firmware.
pub struct Stock {
    pub device: Device,
    pub state: State,
    /// How it listens since it was told or did it last.
    mode: &'static str,
    speaking_since: Option<Instant>,
    /// How many things it was told have been looked at.
    looked_at: usize,
    /// Types of messages that it does not know.
    pub unknown: Vec<String>,
    /// Frames that were thrown away because they came too early.
    pub thrown_away: usize,
    /// Alerts, as they were shown.
    pub alerts: Vec<(String, String)>,
}

impl Stock {
    /// Wakes up: connects and says hello.
    ///
    /// # Panics
    /// If the server refuses.
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
            looked_at: 0,
            unknown: Vec::new(),
            thrown_away: 0,
            alerts: Vec::new(),
        }
    }

    /// A wake word was heard: its sound (S3, P4), its text, and listening begins.
    pub async fn wake_word(&mut self, sound: &[i16], text: &str) {
        self.device.speaks(sound).await;
        self.device.send(json!({ "session_id": "", "type": "listen", "state": "detect", "text": text })).await;
        self.listen("auto").await;
    }

    /// Begins to listen.
    pub async fn listen(&mut self, mode: &'static str) {
        (self.mode, self.state) = (mode, State::Listening);
        self.device.send(json!({ "session_id": "", "type": "listen", "state": "start", "mode": mode })).await;
    }

    /// The button is pressed and held.
    pub async fn press(&mut self) {
        self.listen("manual").await;
    }

    /// The button is let go.
    pub async fn release(&mut self) {
        self.state = State::Idle;
        self.device.send(json!({ "session_id": "", "type": "listen", "state": "stop" })).await;
    }

    /// The button while it speaks.
    pub async fn abort(&mut self) {
        self.device.send(json!({ "session_id": "", "type": "abort" })).await;
    }

    /// Somebody speaks at the pace of speech; what the device is told meanwhile is done at once, so that the
    /// microphone is off while it speaks. Returns how many frames were not sent because of that.
    ///
    /// # Panics
    /// If the connection ends meanwhile.
    pub async fn hears(&mut self, pcm: &[i16]) -> usize {
        let mut kept_back = 0;
        let mut due = tokio::time::Instant::now();
        for packet in opus(pcm) {
            while tokio::time::Instant::now() < due {
                let left = due - tokio::time::Instant::now();
                let end = self.look_for(left).await;
                assert_eq!(end, None, "the connection has ended");
            }
            if self.state == State::Listening {
                self.device.send_message(Message::binary(packet)).await;
            } else {
                kept_back += 1;
            }
            due += FRAME;
        }
        kept_back
    }

    /// Does what it is told until the connection ends or nothing has come for `patience`.
    pub async fn until_quiet(&mut self, patience: Duration) -> Option<Seen> {
        loop {
            let before = self.device.seen().len();
            if let Some(end) = self.look_for(patience).await {
                return Some(end);
            }
            if self.device.seen().len() == before {
                return None;
            }
        }
    }

    /// Does what it is told until it has spoken and `tts` `stop` has come.
    ///
    /// # Panics
    /// If it does not come.
    pub async fn until_spoken(&mut self) {
        let begun = Instant::now();
        let mut spoke = self.state == State::Speaking;
        while !spoke || self.state == State::Speaking {
            assert!(begun.elapsed() < Duration::from_secs(40), "it never spoke; seen: {:#?}", self.device.seen());
            let end = self.look_for(Duration::from_millis(200)).await;
            spoke |= self.state == State::Speaking;
            if let Some(end) = end {
                panic!("the connection has ended: {end:?}; seen: {:#?}", self.device.seen());
            }
        }
    }

    /// Looks at what comes for at most so long; an end of the connection is given.
    async fn look_for(&mut self, patience: Duration) -> Option<Seen> {
        let seen = self.device.next_within(patience).await;
        while self.looked_at < self.device.seen().len() {
            let seen = self.device.seen()[self.looked_at].clone();
            self.looked_at += 1;
            match seen {
                Seen::Json(message) => self.obey(&message).await,
                Seen::Binary(_) if self.speaking_since.is_some_and(|since| since.elapsed() < DEAF) => {
                    self.thrown_away += 1;
                }
                _ => {}
            }
        }
        seen.filter(|seen| matches!(seen, Seen::Closed(..) | Seen::Lost(_)))
    }

    async fn obey(&mut self, message: &Value) {
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
                let word = |name: &str| message[name].as_str().unwrap_or_default().to_owned();
                self.alerts.push((word("status"), word("message")));
            }
            ("mcp", _) => self.answer(&message["payload"]).await,
            _ => {}
        }
    }

    /// Its MCP server: two tools.
    async fn answer(&mut self, question: &Value) {
        let result = match question["method"].as_str().unwrap_or_default() {
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
        let payload = json!({ "jsonrpc": "2.0", "id": question["id"], "result": result });
        self.device.send(json!({ "session_id": "", "type": "mcp", "payload": payload })).await;
    }

    /// Captions of what was said to it.
    pub fn captions(&self) -> Vec<String> {
        self.texts(|message| message["type"] == "stt")
    }

    /// Sentences that it was given to say.
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
