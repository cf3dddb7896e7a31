//! Test host for one recogniser and its scripted service. Rule: the audio is a ramp, so that lost or repeated samples
//! show.

use std::sync::Arc;
use std::time::Duration;

use modehost_recogniser::{Kind, Service, Step};
use modehost_speech::asr::{AsrEvent, Recogniser, RecognitionPolicy, Utterance, recogniser};
use modehost_speech::config::{AsrConfig, AsrProvider, DoubaoConfig, FunAsrConfig};
use modehost_speech::vad::Voice;
use serde_json::json;

pub const DEADLINE: Duration = Duration::from_secs(20);
pub const POLICY: RecognitionPolicy =
    RecognitionPolicy { timeout: Duration::from_secs(10), retries: 2, max_length: Duration::from_secs(30) };

/// A second of voice.
pub const CLEAR: Voice = Voice { clear: 16_000, faint: 16_000 };

pub struct TestHost {
    pub service: Service,
    pub recogniser: Arc<dyn Recogniser>,
    pub policy: RecognitionPolicy,
}

impl TestHost {
    /// Connections follow the scripts, one after another; the last script also serves all further connections.
    pub fn new(kind: Kind, scripts: &[Vec<Step>]) -> Self {
        let service = Service::start(kind, scripts.last().cloned().unwrap_or_default());
        for script in scripts.iter().rev().skip(1).rev() {
            service.queue_script(script.clone());
        }
        let mut config = AsrConfig::default();
        let settings = json!({ "url": service.url(), "app_key": "app", "access_key": "access" });
        match kind {
            Kind::Doubao => {
                config.provider = AsrProvider::Doubao;
                config.doubao = Some(serde_json::from_value::<DoubaoConfig>(settings).expect("settings"));
            }
            Kind::FunAsr => {
                let settings = json!({ "url": service.url(), "hotwords": { "modehost": 20 } });
                config.provider = AsrProvider::FunAsr;
                config.funasr = Some(serde_json::from_value::<FunAsrConfig>(settings).expect("settings"));
            }
        }
        Self { service, recogniser: recogniser(&config).expect("a recogniser"), policy: POLICY }
    }

    /// An utterance with voice.
    pub fn begin(&self) -> Utterance {
        let utterance = Utterance::start(self.recogniser.clone(), self.policy);
        utterance.add_voice(CLEAR);
        utterance
    }

    /// Sends this many ms of a ramp, whose samples encode their index, and ends the utterance.
    pub fn say(&self, ms: usize) -> Utterance {
        let utterance = self.begin();
        for chunk in ramp(ms).chunks(960) {
            utterance.push(chunk);
        }
        utterance.end();
        utterance
    }

    /// Fails the test where a connection violated the protocol.
    pub fn assert_protocol(&self) {
        for (number, received) in self.service.received().iter().enumerate() {
            assert_eq!(received.violation, None, "connection {number}");
        }
    }
}

pub fn ramp(ms: usize) -> Vec<i16> {
    (0..ms * 16).map(|at| (at % 30_000) as i16).collect()
}

/// The outcome, with the partial results before it.
pub async fn outcome(utterance: &mut Utterance) -> (Vec<String>, AsrEvent) {
    let mut partials = Vec::new();
    loop {
        match tokio::time::timeout(DEADLINE, utterance.next()).await.expect("an outcome") {
            AsrEvent::Partial(text) => partials.push(text.to_string()),
            received => return (partials, received),
        }
    }
}

pub async fn text(utterance: &mut Utterance) -> String {
    match outcome(utterance).await.1 {
        AsrEvent::Final(text) => text.to_string(),
        other => panic!("{other:?}"),
    }
}
