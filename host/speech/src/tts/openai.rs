//! Any service with OpenAI's `/audio/speech`. Rule: what it sends is taken for what it is, whatever was
//! asked for; further tries end with the first sound; and a service that has failed is not asked again for
//! each sentence.

use std::sync::Arc;
use std::time::Duration;

use crate::limits;
use bytes::Bytes;
use futures_util::StreamExt;
use futures_util::stream::{self, BoxStream};
use modehost_breaker::{Breaker, Policy};
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderValue};
use reqwest::{Client, Response};
use serde_json::{Value, json};
use tokio::time::{sleep, timeout};

use super::Speaker;
use super::sound::{Format, Sound};
use crate::config::{SpeechConfig, SpeechFormat, TtsConfig};
use crate::fault::{Fault, FaultKind};
use crate::http;

const NAME: &str = "openai";
/// A service.
pub(super) struct OpenAi(Arc<Service>);

struct Service {
    /// A sentence is a call.
    breaker: Arc<Breaker>,
    client: Option<Client>,
    address: String,
    authorization: Option<HeaderValue>,
    model: String,
    voice: String,
    speed: f64,
    response_format: SpeechFormat,
    pcm_rate: u32,
    timeout: Duration,
}

impl OpenAi {
    pub(super) fn new(service: &SpeechConfig, config: &TtsConfig) -> Self {
        Self(Arc::new(Service {
            breaker: Breaker::new("tts", NAME, Policy { failures: limits::SPEECH_FAILURES, ..Policy::default() }),
            client: http::client(&service.base_url, |builder| builder),
            address: format!("{}/audio/speech", service.base_url.trim_end_matches('/')),
            authorization: http::bearer(service.api_key.as_ref()),
            model: service.model.clone(),
            voice: service.voice.clone(),
            speed: service.speed,
            response_format: service.response_format,
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
            "response_format": service.response_format,
            "speed": service.speed,
        });
        let allowed = service.timeout;
        let begin = async move {
            let permit = service.breaker.admit().map_err(|open| Fault::breaker_open(NAME, open.retry_in))?;
            let begun = timeout(allowed, service.begin(body, permit.is_trial())).await.unwrap_or_else(|_| Err(late()));
            match &begun {
                Ok(_) => permit.succeed(),
                Err(fault) if fault.is_lasting() => permit.fail(fault),
                Err(_) => {}
            }
            begun
        };
        let pieces = stream::once(begin).flat_map(move |begun| match begun {
            Ok(answer) => stream::try_unfold(answer, move |answer| answer.next(allowed)).left_stream(),
            Err(fault) => stream::once(async { Err(fault) }).right_stream(),
        });
        pieces.boxed()
    }
}

impl Service {
    /// Asks until the first sound has come, at the most twice, and once where it is a trial.
    async fn begin(&self, body: Value, is_trial: bool) -> Result<Answer, Fault> {
        let mut tried = is_trial;
        loop {
            let (fault, pause) = match self.ask(&body).await {
                Ok(answer) => return Ok(answer),
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

    async fn ask(&self, body: &Value) -> Result<Answer, (Fault, Option<Duration>)> {
        let client = self.client.as_ref().ok_or_else(|| (http::no_tls(), None))?;
        let mut request = client.post(&self.address).json(body);
        if let Some(authorization) = &self.authorization {
            request = request.header(AUTHORIZATION, authorization.clone());
        }
        let response = request.send().await.map_err(|error| (http::unanswered(NAME, &error), None))?;
        if !response.status().is_success() {
            return Err((http::refused(NAME, response.status()), http::retry_after(response.headers())));
        }
        let kind = response.headers().get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
        let sound = Sound::new(NAME, kind, Format::mono(self.pcm_rate));
        let mut answer = Answer { response, sound, received: 0, first: None, ended: false };
        answer.first = answer.piece().await.map_err(|fault| (fault, None))?;
        Ok(answer)
    }
}

/// The sound of a sentence. Dropping it closes the request.
struct Answer {
    response: Response,
    sound: Sound,
    /// In bytes.
    received: usize,
    /// What came before anybody asked for it.
    first: Option<Vec<i16>>,
    ended: bool,
}

impl Answer {
    async fn next(mut self, allowed: Duration) -> Result<Option<(Vec<i16>, Self)>, Fault> {
        let piece = match self.first.take() {
            Some(first) => Some(first),
            None => timeout(allowed, self.piece()).await.unwrap_or_else(|_| Err(late()))?,
        };
        Ok(piece.map(|piece| (piece, self)))
    }

    /// The next sound, if there is more.
    async fn piece(&mut self) -> Result<Option<Vec<i16>>, Fault> {
        while !self.ended {
            let bytes = self.response.chunk().await.map_err(|error| http::unanswered(NAME, &error))?;
            self.received += bytes.as_ref().map_or(0, Bytes::len);
            // A sentence of minutes is none.
            self.ended = bytes.is_none() || self.sound.is_full() || self.received > limits::SPEECH_ANSWER_BYTES;
            let pcm = match bytes {
                Some(bytes) => self.sound.take(&bytes)?,
                None => self.sound.end()?,
            };
            if !pcm.is_empty() {
                return Ok(Some(pcm));
            }
        }
        Ok(None)
    }
}

fn late() -> Fault {
    Fault::passing(FaultKind::TimedOut, format!("{NAME} did not send sound in time"))
}
