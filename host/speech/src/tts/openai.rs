//! Any service with OpenAI's `/audio/speech`. Rule: the format of a response is detected, whatever was requested; there
//! is no retry after the first audio; and after a failure the circuit breaker keeps further sentences from calling the
//! service.

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
use super::sound::{AudioDecoder, Format};
use crate::config::{SpeechConfig, SpeechFormat, TtsConfig};
use crate::fault::{Fault, FaultKind};
use crate::http;

const NAME: &str = "openai";
/// Client of one service.
pub(super) struct OpenAi(Arc<Service>);

struct Service {
    /// Each sentence is a call.
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
            breaker: Breaker::new("tts", NAME, Policy { failures: limits::TTS_FAILURES, ..Policy::default() }),
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

    fn breaker(&self) -> Option<&Arc<Breaker>> {
        Some(&self.0.breaker)
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
        let limit = service.timeout;
        let begin = async move {
            let permit = service.breaker.admit().map_err(|open| Fault::breaker_open(NAME, open.retry_in))?;
            let started =
                timeout(limit, service.begin(body, permit.is_trial())).await.unwrap_or_else(|_| Err(timed_out()));
            match &started {
                Ok(_) => permit.succeed(),
                Err(fault) if fault.counts_for_breaker() => permit.fail(fault),
                Err(_) => {}
            }
            started
        };
        let chunks = stream::once(begin).flat_map(move |started| match started {
            Ok(speech) => stream::try_unfold(speech, move |speech| speech.next(limit)).left_stream(),
            Err(fault) => stream::once(async { Err(fault) }).right_stream(),
        });
        chunks.boxed()
    }
}

impl Service {
    /// Sends requests until the first audio arrives: at most two, and one where it is a trial of the breaker.
    async fn begin(&self, body: Value, is_trial: bool) -> Result<SpeechResponse, Fault> {
        let mut retried = is_trial;
        loop {
            let (fault, pause) = match self.request_speech(&body).await {
                Ok(speech) => return Ok(speech),
                Err(refusal) => refusal,
            };
            if std::mem::replace(&mut retried, true) || !fault.transient {
                return Err(fault);
            }
            // Jitter, so that not all sessions retry at the same moment.
            let jitter = fastrand::u64(..limits::TTS_BACKOFF.as_millis() as u64);
            sleep(pause.unwrap_or(limits::TTS_BACKOFF) + Duration::from_millis(jitter)).await;
        }
    }

    async fn request_speech(&self, body: &Value) -> Result<SpeechResponse, (Fault, Option<Duration>)> {
        let client = self.client.as_ref().ok_or_else(|| (http::no_tls(), None))?;
        let mut request = client.post(&self.address).json(body);
        if let Some(authorization) = &self.authorization {
            request = request.header(AUTHORIZATION, authorization.clone());
        }
        let response = request.send().await.map_err(|error| (http::fault_of_error(NAME, &error), None))?;
        if !response.status().is_success() {
            return Err((http::fault_of_status(NAME, response.status()), http::retry_after(response.headers())));
        }
        let kind = response.headers().get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
        let decoder = AudioDecoder::new(NAME, kind, Format::mono(self.pcm_rate));
        let mut speech = SpeechResponse { response, decoder, received: 0, first: None, ended: false };
        speech.first = speech.next_chunk().await.map_err(|fault| (fault, None))?;
        Ok(speech)
    }
}

/// The audio of a sentence. Dropping it cancels the request.
struct SpeechResponse {
    response: Response,
    decoder: AudioDecoder,
    /// In bytes.
    received: usize,
    /// The chunk that was read before the caller asked for one.
    first: Option<Vec<i16>>,
    ended: bool,
}

impl SpeechResponse {
    async fn next(mut self, limit: Duration) -> Result<Option<(Vec<i16>, Self)>, Fault> {
        let chunk = match self.first.take() {
            Some(first) => Some(first),
            None => timeout(limit, self.next_chunk()).await.unwrap_or_else(|_| Err(timed_out()))?,
        };
        Ok(chunk.map(|chunk| (chunk, self)))
    }

    /// The next chunk of audio, if there is more.
    async fn next_chunk(&mut self) -> Result<Option<Vec<i16>>, Fault> {
        while !self.ended {
            let bytes = self.response.chunk().await.map_err(|error| http::fault_of_error(NAME, &error))?;
            self.received += bytes.as_ref().map_or(0, Bytes::len);
            // Bounds a response without end: no sentence takes minutes.
            self.ended = bytes.is_none() || self.decoder.is_full() || self.received > limits::TTS_RESPONSE_BYTES;
            let pcm = match bytes {
                Some(bytes) => self.decoder.push(&bytes)?,
                None => self.decoder.end()?,
            };
            if !pcm.is_empty() {
                return Ok(Some(pcm));
            }
        }
        Ok(None)
    }
}

fn timed_out() -> Fault {
    Fault::transient(FaultKind::TimedOut, format!("{NAME} did not send sound in time"))
}
