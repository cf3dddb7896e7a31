//! The providers of speech and language, and a try of each. Rule: a try takes the way of true speech, and its words are in no
//! log; tries of all operators together are bounded, since each costs money.

use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Json;
use axum::body::Bytes;
use axum::extract::rejection::{BytesRejection, JsonRejection, PathRejection};
use axum::extract::{DefaultBodyLimit, Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use futures_util::StreamExt;
use modehost_contract::effect::{ChatMessage, ModelRequest, Role};
use modehost_contract::service::ModelPart;
use modehost_speech::Sound;
use modehost_speech::provider_test::{Tried, hear, say};
use modehost_task::run_blocking;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::view::Refusal;
use super::{AdminState, STOPPING, Shared, error_response};
use crate::limits;
use crate::settings::providers::{Provider, ProviderKind, of_speech};

/// The routes of this module.
pub(super) fn routes() -> OpenApiRouter<Arc<AdminState>> {
    let hearing = OpenApiRouter::new().routes(routes!(hear_this));
    OpenApiRouter::new()
        .routes(routes!(list))
        .routes(routes!(ask_this))
        .routes(routes!(say_this))
        .merge(hearing.layer(DefaultBodyLimit::max(limits::SOUND_FILE_BYTES)))
}

/// What is configured.
#[derive(Debug, Serialize, ToSchema)]
struct ProvidersView {
    providers: Vec<ProviderView>,
}

/// A provider.
#[derive(Debug, Serialize, ToSchema)]
struct ProviderView {
    /// `recogniser`, `voice` or `model`.
    kind: &'static str,
    /// Of a model its alias.
    name: String,
    /// The model that it is asked for.
    model: Option<String>,
    /// Scheme, host and port; null for a program or a model on this machine.
    address: Option<String>,
    /// Of a model: the purposes that it answers; `*` stands for every other one.
    purposes: Vec<String>,
    /// `well`; `failing`: it has failed and is not called for a moment.
    state: &'static str,
    /// The section of its settings.
    setting: String,
}

impl ProviderView {
    fn of(provider: Provider, purposes: Vec<String>, is_failing: bool) -> Self {
        let Provider { kind, name, model, address, setting } = provider;
        let kind = match kind {
            ProviderKind::Recogniser => "recogniser",
            ProviderKind::Voice => "voice",
            ProviderKind::Model => "model",
        };
        Self { kind, name, model, address, purposes, state: if is_failing { "failing" } else { "well" }, setting }
    }
}

/// The providers that are configured: the recogniser, the voice, and the aliases of language models.
#[utoipa::path(
    get, path = "/api/v1/providers", security(("admin_token" = [])),
    responses(
        (status = 200, description = "Providers", body = ProvidersView),
        (status = "4XX", description = "Not allowed", body = Refusal),
    )
)]
async fn list(State(admin): Shared) -> Response {
    let live = admin.live.current();
    let in_use = admin.speech.providers();
    let speech = of_speech(&live.document, &in_use).into_iter().map(|provider| {
        let breaker = match provider.kind {
            ProviderKind::Recogniser => in_use.recogniser.as_ref().and_then(|one| one.breaker().cloned()),
            _ => in_use.synthesiser.as_ref().and_then(|one| one.breaker().cloned()),
        };
        ProviderView::of(provider, Vec::new(), breaker.is_some_and(|breaker| breaker.is_open()))
    });
    let models = modehost_llm::aliases(&admin.models, &live.document.llm).into_iter().map(|alias| {
        let provider = Provider {
            kind: ProviderKind::Model,
            setting: format!("llm.aliases.{}", alias.name),
            name: alias.name,
            model: alias.model,
            address: Some(alias.address),
        };
        ProviderView::of(provider, alias.purposes, alias.is_failing)
    });
    Json(ProvidersView { providers: speech.chain(models).collect() }).into_response()
}

/// What a provider is asked, or says.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct ProviderWords {
    /// 1 to 2,000 characters, not only blanks.
    #[schema(min_length = 1, max_length = 2000)]
    text: String,
}

/// The text of a provider.
#[derive(Debug, Serialize, ToSchema)]
struct TextView {
    /// What came before a failure, too.
    text: String,
    /// Length of the recording that was heard, in ms; null for a question.
    duration_ms: Option<u64>,
    /// When the first part came, in ms; null if none came before the end.
    first_ms: Option<u64>,
    /// How long it took, in ms.
    took_ms: u64,
    /// Why it failed, as the provider says it; null if it did not.
    error: Option<String>,
}

/// Asks a language model, with the settings of its alias and at most 300 tokens for its answer.
#[utoipa::path(
    post, path = "/api/v1/providers/model/{name}/ask", security(("admin_token" = [])),
    params(("name" = String, Path, description = "Alias of the model")),
    request_body = ProviderWords,
    responses(
        (status = 200, description = "It has been asked; `error` says if it failed", body = TextView),
        (status = 404, description = "There is no such alias", body = Refusal),
        (status = 429, description = "Too many tries in this minute", body = Refusal),
        (status = "4XX", description = "Not allowed, or no such text", body = Refusal),
    )
)]
async fn ask_this(
    State(admin): Shared,
    name: Result<Path<String>, PathRejection>,
    words: Result<Json<ProviderWords>, JsonRejection>,
) -> Response {
    let Ok(Path(name)) = name else { return error_response(StatusCode::BAD_REQUEST, "the alias is not valid UTF-8") };
    let text = match text_of(words) {
        Ok(text) => text,
        Err(why) => return error_response(StatusCode::BAD_REQUEST, why),
    };
    let live = admin.live.current();
    if !live.document.llm.aliases.contains_key(&name) {
        let why = format!("there is no alias {name}; llm.aliases names them");
        return error_response(StatusCode::NOT_FOUND, why);
    }
    if !admin.limiters.admit_provider_test() {
        return too_many();
    }
    let question = ChatMessage { role: Role::User, content: text, tool_calls: Vec::new(), tool_call_id: None };
    let request = ModelRequest {
        request: 0,
        purpose: String::new(),
        messages: vec![question],
        max_tokens: limits::TRIED_TOKENS,
        json: false,
        chunks: true,
        spoken: false,
        tools: Vec::new(),
    };
    let began = Instant::now();
    let Some(mut answer) = modehost_llm::ask_alias(&admin.models, &live.document.llm, &name, request) else {
        return error_response(StatusCode::NOT_FOUND, format!("there is no alias {name}; llm.aliases names them"));
    };
    let (mut first, mut text, mut error) = (None, String::new(), None);
    while let Some(part) = answer.next().await {
        match part {
            ModelPart::Chunk(chunk) => {
                first.get_or_insert_with(|| began.elapsed());
                text.push_str(&chunk);
            }
            ModelPart::Done { text: whole, .. } => {
                text = whole.to_string();
                break;
            }
            ModelPart::Failed { message, .. } => {
                error = Some(message);
                break;
            }
        }
    }
    let (first_ms, took_ms) = (first.map(ms), ms(began.elapsed()));
    Json(TextView { text, duration_ms: None, first_ms, took_ms, error }).into_response()
}

/// What a voice has said.
#[derive(Debug, Serialize, ToSchema)]
struct SoundView {
    /// A WAV file in base64: mono, 16 bit, at most a minute; null if there is no sound.
    audio: Option<String>,
    /// In Hz.
    sample_rate: u32,
    duration_ms: u64,
    /// When the first sound came, in ms; null if none came.
    first_ms: Option<u64>,
    /// How long it took, in ms.
    took_ms: u64,
    /// Why it failed, as the provider says it; null if it did not.
    error: Option<String>,
}

/// Has the voice say a text, for the operator and no device.
#[utoipa::path(
    post, path = "/api/v1/providers/voice/say", security(("admin_token" = [])),
    request_body = ProviderWords,
    responses(
        (status = 200, description = "It has been tried; `error` says if it failed", body = SoundView),
        (status = 409, description = "No voice is configured", body = Refusal),
        (status = 429, description = "Too many tries in this minute", body = Refusal),
        (status = "4XX", description = "Not allowed, or no such text", body = Refusal),
    )
)]
async fn say_this(State(admin): Shared, words: Result<Json<ProviderWords>, JsonRejection>) -> Response {
    let text = match text_of(words) {
        Ok(text) => text,
        Err(why) => return error_response(StatusCode::BAD_REQUEST, why),
    };
    let Some(speaker) = admin.speech.providers().synthesiser.clone() else {
        return error_response(StatusCode::CONFLICT, "no voice is configured; see the section `tts`");
    };
    if !admin.limiters.admit_provider_test() {
        return too_many();
    }
    let Tried { result, first, took, error } = say(&*speaker, &text).await;
    let sound = Sound { pcm: result.into(), sample_rate: speaker.sample_rate() };
    let duration_ms = ms(sound.duration());
    let audio = match sound.pcm.is_empty() {
        true => None,
        false => sound.to_wav().ok().map(|file| STANDARD.encode(file)),
    };
    let (sample_rate, first_ms, took_ms) = (sound.sample_rate, first.map(ms), ms(took));
    Json(SoundView { audio, sample_rate, duration_ms, first_ms, took_ms, error }).into_response()
}

/// Has the recogniser hear a recording of at most 30 s: WAV, MP3 or Opus in Ogg.
#[utoipa::path(
    post, path = "/api/v1/providers/recogniser/hear", security(("admin_token" = [])),
    request_body(content_type = "application/octet-stream"),
    responses(
        (status = 200, description = "It has been tried; `error` says if it failed", body = TextView),
        (status = 409, description = "No recogniser is configured", body = Refusal),
        (status = 429, description = "Too many tries in this minute", body = Refusal),
        (status = "4XX", description = "Not allowed, or no such recording", body = Refusal),
        (status = 503, description = "The server is stopping", body = Refusal),
    )
)]
async fn hear_this(State(admin): Shared, file: Result<Bytes, BytesRejection>) -> Response {
    let file = match file {
        Ok(file) => file,
        Err(rejected) => return error_response(rejected.status(), rejected.body_text()),
    };
    let (recogniser, policy) = {
        let providers = admin.speech.providers();
        (providers.recogniser.clone(), providers.recognition_policy)
    };
    let Some(recogniser) = recogniser else {
        return error_response(StatusCode::CONFLICT, "no recogniser is configured; see the section `asr`");
    };
    if !admin.limiters.admit_provider_test() {
        return too_many();
    }
    let read = move || Sound::read(&file, RECOGNISERS_RATE, limits::TRIED_RECORDING);
    let sound = match run_blocking(read).await {
        Some(Ok(sound)) => sound,
        Some(Err(why)) => return error_response(StatusCode::BAD_REQUEST, why),
        None => return error_response(StatusCode::SERVICE_UNAVAILABLE, STOPPING),
    };
    let Tried { result: text, first, took, error } = hear(recogniser, policy, &sound.pcm).await;
    let (duration_ms, first_ms, took_ms) = (Some(ms(sound.duration())), first.map(ms), ms(took));
    Json(TextView { text, duration_ms, first_ms, took_ms, error }).into_response()
}

/// The text, or why it is none.
fn text_of(words: Result<Json<ProviderWords>, JsonRejection>) -> Result<String, String> {
    let Json(ProviderWords { text }) =
        words.map_err(|rejection| format!("send {{\"text\": \"…\"}} as JSON: {}", rejection.body_text()))?;
    let count = text.chars().count();
    if text.trim().is_empty() || count > limits::SAY_CHARACTERS {
        return Err(format!("`text` must have 1 to {} characters, not {count}", limits::SAY_CHARACTERS));
    }
    Ok(text)
}

fn too_many() -> Response {
    let most = limits::PROVIDER_TESTS_PER_MINUTE;
    error_response(
        StatusCode::TOO_MANY_REQUESTS,
        format!("{most} tries were made in this minute already; wait a moment"),
    )
}

fn ms(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// The sample rate of recognisers, in Hz.
const RECOGNISERS_RATE: u32 = modehost_speech::vad::RATE;
