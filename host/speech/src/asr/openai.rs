//! Any service with OpenAI's `/audio/transcriptions`. Rule: an utterance is one request, sent when it has ended;
//! nothing is confirmed before the response, so a retry sends all of it again.

mod response;

use std::sync::Arc;

use crate::limits;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use modehost_breaker::Breaker;
use reqwest::Client;
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderValue};
use reqwest::multipart::{Form, Part};
use tokio::time::sleep;

use self::response::NoText;
use super::{AsrResults, AudioReader, Recogniser, breaker};
use crate::config::TranscriptionConfig;
use crate::fault::{Fault, FaultKind};
use crate::http;
use crate::sound::wav;
use crate::vad::RATE;

const NAME: &str = "openai";

/// Client of one service.
pub(super) struct OpenAi {
    breaker: Arc<Breaker>,
    client: Option<Client>,
    address: String,
    authorization: Option<HeaderValue>,
    model: String,
    language: Option<String>,
    prompt: Option<String>,
}

impl OpenAi {
    pub(super) fn new(service: &TranscriptionConfig) -> Self {
        Self {
            breaker: breaker(NAME),
            client: http::client(&service.base_url, |builder| builder),
            address: format!("{}/audio/transcriptions", service.base_url.trim_end_matches('/')),
            authorization: http::bearer(service.api_key.as_ref()),
            model: service.model.clone(),
            language: service.language.clone(),
            prompt: service.prompt.clone(),
        }
    }

    async fn transcribe(&self, audio: &mut AudioReader) -> Result<String, Fault> {
        let pcm = audio.read_to_end().await;
        if pcm.len() < limits::MIN_AUDIO {
            return Ok(String::new());
        }
        let client = self.client.as_ref().ok_or_else(http::no_tls)?;
        let malformed = || Fault::transient(FaultKind::Malformed, format!("{NAME} sent a malformed response"));
        let file = Part::bytes(wav(&pcm, RATE).map_err(|_| malformed())?)
            .file_name("utterance.wav")
            .mime_str("audio/wav")
            .map_err(|_| malformed())?;
        let mut form = Form::new().part("file", file).text("model", self.model.clone()).text("response_format", "json");
        if let Some(language) = &self.language {
            form = form.text("language", language.clone());
        }
        if let Some(prompt) = &self.prompt {
            form = form.text("prompt", prompt.clone());
        }
        let mut request = client.post(&self.address).multipart(form);
        if let Some(authorization) = &self.authorization {
            request = request.header(AUTHORIZATION, authorization.clone());
        }
        let mut response = request.send().await.map_err(|error| http::fault_of_error(NAME, &error))?;
        if !response.status().is_success() {
            let fault = http::fault_of_status(NAME, response.status());
            if let Some(pause) = http::retry_after(response.headers()).filter(|_| fault.transient) {
                // The timeout of the utterance bounds this wait, too.
                sleep(pause).await;
            }
            return Err(fault);
        }
        let content_type = response.headers().get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
        let content_type = content_type.unwrap_or_default().to_ascii_lowercase();
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(|error| http::fault_of_error(NAME, &error))? {
            if body.len() + chunk.len() > limits::RESPONSE_BYTES {
                return Err(malformed());
            }
            body.extend_from_slice(&chunk);
        }
        response::read(&body, &content_type).map_err(|no_text| match no_text {
            NoText::Malformed => malformed(),
            NoText::Failed(kind) => fault_of_kind(kind),
        })
    }
}

impl Recogniser for OpenAi {
    fn name(&self) -> &'static str {
        NAME
    }

    fn breaker(&self) -> Option<&Arc<Breaker>> {
        Some(&self.breaker)
    }

    fn attempt<'a>(
        &'a self,
        audio: &'a mut AudioReader,
        results: &'a mut AsrResults,
    ) -> BoxFuture<'a, Result<(), Fault>> {
        async move {
            let text = self.transcribe(audio).await?;
            results.confirm(&text, None);
            Ok(())
        }
        .boxed()
    }
}

/// The fault of an error in a successful response. The service's own message is not repeated.
fn fault_of_kind(kind: FaultKind) -> Fault {
    let message = format!("{NAME} answered an error ({})", kind.label());
    match kind {
        FaultKind::Unauthorized | FaultKind::Rejected => Fault::permanent(kind, message),
        _ => Fault::transient(kind, message),
    }
}
