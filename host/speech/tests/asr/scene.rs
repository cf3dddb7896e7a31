//! One utterance with one service.

use std::sync::Arc;
use std::time::Duration;

use modehost_recogniser::{Kind, Service, Step};
use modehost_speech::asr::{AsrEvent, Recogniser, Terms, Utterance, recogniser};
use modehost_speech::config::{AsrConfig, AsrProvider, DoubaoConfig, FunAsrConfig};
use modehost_speech::vad::Voice;
use serde_json::json;

pub const DEADLINE: Duration = Duration::from_secs(20);
pub const TERMS: Terms = Terms { timeout: Duration::from_secs(10), retries: 2, max: Duration::from_secs(30) };

/// A second of voice.
pub const CLEAR: Voice = Voice { clear: 16_000, faint: 16_000 };

pub struct Scene {
    pub service: Service,
    pub recogniser: Arc<dyn Recogniser>,
    pub terms: Terms,
}

impl Scene {
    /// Connections do what the scripts say, one after another; the last goes for all that follow.
    pub fn new(kind: Kind, scripts: &[Vec<Step>]) -> Self {
        let service = Service::start(kind, scripts.last().cloned().unwrap_or_default());
        for script in scripts.iter().rev().skip(1).rev() {
            service.queue(script.clone());
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
        Self { service, recogniser: recogniser(&config).expect("a recogniser"), terms: TERMS }
    }

    /// An utterance in which somebody speaks.
    pub fn begin(&self) -> Utterance {
        let utterance = Utterance::begin(self.recogniser.clone(), self.terms);
        utterance.voice(CLEAR);
        utterance
    }

    /// Says so many ms of a ramp, whose every sample tells its place, and ends.
    pub fn say(&self, ms: usize) -> Utterance {
        let utterance = self.begin();
        for piece in ramp(ms).chunks(960) {
            utterance.push(piece);
        }
        utterance.end();
        utterance
    }

    /// Fails the test where a connection broke the protocol.
    pub fn assert_right(&self) {
        for (number, heard) in self.service.heard().iter().enumerate() {
            assert_eq!(heard.wrong, None, "connection {number}");
        }
    }
}

pub fn ramp(ms: usize) -> Vec<i16> {
    (0..ms * 16).map(|at| (at % 30_000) as i16).collect()
}

/// The outcome, with the drafts before it.
pub async fn outcome(utterance: &mut Utterance) -> (Vec<String>, AsrEvent) {
    let mut drafts = Vec::new();
    loop {
        match tokio::time::timeout(DEADLINE, utterance.next()).await.expect("an outcome") {
            AsrEvent::Partial(text) => drafts.push(text.to_string()),
            heard => return (drafts, heard),
        }
    }
}

pub async fn text(utterance: &mut Utterance) -> String {
    match outcome(utterance).await.1 {
        AsrEvent::Final(text) => text.to_string(),
        other => panic!("{other:?}"),
    }
}
