//! Any service with OpenAI's `/audio/speech`. Rule: PCM is asked for, so that nothing has to be
//! decoded; what is no sound, or sound of another kind, is not played, and further tries end with the
//! first sound.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::StreamExt;
use futures_util::stream::{self, BoxStream};
use modehost_limits::sound as limits;
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderValue};
use reqwest::{Client, Response};
use serde_json::{Value, json};
use tokio::time::{sleep, timeout};

use super::wav::Unwrapped;
use super::{Samples, Speaker};
use crate::config::{SpeechConfig, TtsConfig};
use crate::fault::{Fault, FaultKind};
use crate::http;

const NAME: &str = "openai";
/// Kinds of sound that are samples, or a WAV file around them. Services that know of none say bytes.
const KINDS: [&str; 9] = [
    "",
    "application/octet-stream",
    "audio/pcm",
    "audio/x-pcm",
    "audio/l16",
    "audio/wav",
    "audio/x-wav",
    "audio/wave",
    "audio/vnd.wave",
];

/// A service.
pub(super) struct OpenAi(Arc<Service>);

struct Service {
    client: Option<Client>,
    address: String,
    authorization: Option<HeaderValue>,
    model: String,
    voice: String,
    speed: f64,
    pcm_rate: u32,
    timeout: Duration,
}

impl OpenAi {
    pub(super) fn new(service: &SpeechConfig, config: &TtsConfig) -> Self {
        Self(Arc::new(Service {
            client: http::client(&service.base_url, |builder| builder),
            address: format!("{}/audio/speech", service.base_url.trim_end_matches('/')),
            authorization: http::bearer(service.api_key.as_ref()),
            model: service.model.clone(),
            voice: service.voice.clone(),
            speed: service.speed,
            pcm_rate: service.pcm_rate,
            timeout: Duration::from_secs(config.timeout_s),
        }))
    }
}

impl Speaker for OpenAi {
    fn name(&self) -> &'static str {
        NAME
    }

    fn sample_rate(&self) -> u32 {
        self.0.pcm_rate
    }

    fn speak(&self, text: &str) -> BoxStream<'static, Result<Vec<i16>, Fault>> {
        let service = self.0.clone();
        let body = json!({
            "model": service.model,
            "input": text,
            "voice": service.voice,
            "response_format": "pcm",
            "speed": service.speed,
        });
        let allowed = service.timeout;
        let begin = async move {
            match timeout(allowed, service.begin(body)).await {
                Ok(begun) => begun,
                Err(_) => Err(late()),
            }
        };
        let pieces = stream::once(begin).flat_map(move |begun| match begun {
            Ok(sound) => stream::try_unfold(sound, move |sound| sound.next(allowed)).left_stream(),
            Err(fault) => stream::once(async { Err(fault) }).right_stream(),
        });
        pieces.boxed()
    }
}

impl Service {
    /// Asks until the first sound has come.
    async fn begin(&self, body: Value) -> Result<Sound, Fault> {
        let mut tried = false;
        loop {
            let (fault, pause) = match self.ask(&body).await {
                Ok(sound) => return Ok(sound),
                Err(refusal) => refusal,
            };
            if std::mem::replace(&mut tried, true) || !fault.passing {
                return Err(fault);
            }
            // Not all at the same moment.
            let jitter = fastrand::u64(..limits::SPEECH_PAUSE.as_millis() as u64);
            sleep(pause.unwrap_or(limits::SPEECH_PAUSE) + Duration::from_millis(jitter)).await;
        }
    }

    async fn ask(&self, body: &Value) -> Result<Sound, (Fault, Option<Duration>)> {
        let client = self.client.as_ref().ok_or_else(|| (http::no_tls(), None))?;
        let mut request = client.post(&self.address).json(body);
        if let Some(authorization) = &self.authorization {
            request = request.header(AUTHORIZATION, authorization.clone());
        }
        let mut answer = request.send().await.map_err(|error| (http::unanswered(NAME, &error), None))?;
        if !answer.status().is_success() {
            return Err((http::refused(NAME, answer.status()), http::retry_after(answer.headers())));
        }
        let kind = answer.headers().get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
        if let Some(wrong) = wrong_kind(kind) {
            return Err((Fault::lasting(FaultKind::Garbled, wrong), None));
        }
        let first = answer.chunk().await.map_err(|error| (http::unanswered(NAME, &error), None))?;
        let unwrapped = Unwrapped::new(NAME, self.pcm_rate);
        Ok(Sound { answer, first, unwrapped, samples: Samples::default(), given: 0 })
    }
}

/// What is wrong with a content type, if it is none of sound that can be played.
fn wrong_kind(kind: &str) -> Option<String> {
    let kind = kind.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    if ["json", "text/", "html", "xml"].iter().any(|word| kind.contains(word)) {
        return Some(format!("{NAME} sent text in place of sound"));
    }
    let known = KINDS.contains(&kind.as_str());
    (!known).then(|| format!("{NAME} sent {kind:.60} although PCM was asked for; it cannot be played"))
}

/// The sound of a sentence. Dropping it closes the request.
struct Sound {
    answer: Response,
    first: Option<Bytes>,
    unwrapped: Unwrapped,
    samples: Samples,
    given: usize,
}

impl Sound {
    async fn next(mut self, allowed: Duration) -> Result<Option<(Vec<i16>, Self)>, Fault> {
        loop {
            let bytes = match self.first.take() {
                Some(first) => first,
                None => match timeout(allowed, self.answer.chunk()).await {
                    Ok(Ok(Some(bytes))) => bytes,
                    Ok(Ok(None)) => return self.unwrapped.end().map(|()| None),
                    Ok(Err(error)) => return Err(http::unanswered(NAME, &error)),
                    Err(_) => return Err(late()),
                },
            };
            self.given += bytes.len();
            if self.given > limits::SPEECH_SOUND_BYTES {
                // A sentence of minutes is none.
                return Ok(None);
            }
            let pcm = self.samples.take(&self.unwrapped.take(&bytes)?);
            if !pcm.is_empty() {
                return Ok(Some((pcm, self)));
            }
        }
    }
}

fn late() -> Fault {
    Fault::passing(FaultKind::TimedOut, format!("{NAME} did not send sound in time"))
}
