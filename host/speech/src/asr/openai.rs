//! Any service with OpenAI's `/audio/transcriptions`. Rule: an utterance is one request, sent when it
//! has ended; nothing is settled before the answer, so another attempt sends all of it again.

mod answer;

use std::io::Cursor;
use std::sync::Arc;

use crate::limits;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use hound::{SampleFormat, WavSpec, WavWriter};
use modehost_breaker::Breaker;
use reqwest::Client;
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderValue};
use reqwest::multipart::{Form, Part};
use tokio::time::sleep;

use self::answer::NoText;
use super::{AsrResults, AudioReader, Recogniser, breaker};
use crate::config::TranscriptionConfig;
use crate::fault::{Fault, FaultKind};
use crate::http;
use crate::vad::RATE;

const NAME: &str = "openai";

/// A service.
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

    async fn ask(&self, sound: &mut AudioReader) -> Result<String, Fault> {
        let pcm = sound.whole().await;
        if pcm.len() < limits::LEAST_SOUND {
            return Ok(String::new());
        }
        let client = self.client.as_ref().ok_or_else(http::no_tls)?;
        let garbled = || Fault::passing(FaultKind::Garbled, format!("{NAME} answered something that makes no sense"));
        let file = Part::bytes(wav(&pcm).map_err(|_| garbled())?)
            .file_name("utterance.wav")
            .mime_str("audio/wav")
            .map_err(|_| garbled())?;
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
        let mut answer = request.send().await.map_err(|error| http::unanswered(NAME, &error))?;
        if !answer.status().is_success() {
            let fault = http::refused(NAME, answer.status());
            if let Some(pause) = http::retry_after(answer.headers()).filter(|_| fault.passing) {
                // The time limit of the utterance ends this, too.
                sleep(pause).await;
            }
            return Err(fault);
        }
        let content_type = answer.headers().get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
        let content_type = content_type.unwrap_or_default().to_ascii_lowercase();
        let mut body = Vec::new();
        while let Some(piece) = answer.chunk().await.map_err(|error| http::unanswered(NAME, &error))? {
            if body.len() + piece.len() > limits::ANSWER_BYTES {
                return Err(garbled());
            }
            body.extend_from_slice(&piece);
        }
        answer::read(&body, &content_type).map_err(|no_text| match no_text {
            NoText::Garbled => garbled(),
            NoText::Failed(kind) => failed(kind),
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
        sound: &'a mut AudioReader,
        results: &'a mut AsrResults,
    ) -> BoxFuture<'a, Result<(), Fault>> {
        async move {
            let text = self.ask(sound).await?;
            results.confirm(&text, None);
            Ok(())
        }
        .boxed()
    }
}

/// What an error means that came with a status of success. The service's own words are not repeated.
fn failed(kind: FaultKind) -> Fault {
    let message = format!("{NAME} answered an error ({})", kind.label());
    match kind {
        FaultKind::Unauthorized | FaultKind::Refused => Fault::lasting(kind, message),
        _ => Fault::passing(kind, message),
    }
}

/// A WAV file: mono, signed 16 bit, 16 kHz.
///
/// # Errors
/// If it would have 4 GiB or more, which no utterance has.
fn wav(pcm: &[i16]) -> Result<Vec<u8>, hound::Error> {
    let spec = WavSpec { channels: 1, sample_rate: RATE, bits_per_sample: 16, sample_format: SampleFormat::Int };
    let mut file = Cursor::new(Vec::with_capacity(44 + pcm.len() * 2));
    let mut writer = WavWriter::new(&mut file, spec)?;
    let mut samples = writer.get_i16_writer(u32::try_from(pcm.len()).map_err(|_| hound::Error::TooWide)?);
    for sample in pcm {
        samples.write_sample(*sample);
    }
    samples.flush()?;
    writer.finalize()?;
    Ok(file.into_inner())
}
