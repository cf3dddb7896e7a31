//! Tools of a device, sounds for it, and silence. Rule: only for a device that is connected, since none of it makes sense
//! later; the device says what comes of a call, and each call is a line of the audit.

use std::sync::Arc;

use axum::Json;
use axum::body::Bytes;
use axum::extract::rejection::{BytesRejection, JsonRejection, PathRejection};
use axum::extract::{DefaultBodyLimit, Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use modehost_contract::effect::Tool;
use modehost_ids::DeviceId;
use modehost_session::DeviceRefusal;
use modehost_speech::Sound;
use modehost_task::run_blocking;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::sessions::{NO_DEVICE, parse_device};
use super::view::{Done, Refusal};
use super::{AdminState, STOPPING, Shared, error_response};
use crate::limits;

/// The routes of this module.
pub(super) fn routes() -> OpenApiRouter<Arc<AdminState>> {
    let playing = OpenApiRouter::new().routes(routes!(play));
    OpenApiRouter::new()
        .routes(routes!(list))
        .routes(routes!(call))
        .routes(routes!(stop))
        .merge(playing.layer(DefaultBodyLimit::max(limits::SOUND_FILE_BYTES)))
}

/// The tools of a device.
#[derive(Debug, Serialize, ToSchema)]
struct ToolsView {
    tools: Vec<ToolView>,
}

/// A tool of a device.
#[derive(Debug, Serialize, ToSchema)]
struct ToolView {
    name: String,
    /// What it does, as the device says.
    description: String,
    /// JSON Schema of its arguments.
    #[schema(value_type = Object)]
    input_schema: Value,
}

impl From<&Tool> for ToolView {
    fn from(Tool { name, description, parameters }: &Tool) -> Self {
        let input_schema = serde_json::from_str(parameters).unwrap_or_else(|_| Value::Object(Map::new()));
        Self { name: name.clone(), description: description.clone(), input_schema }
    }
}

/// The tools that a device offers to models.
#[utoipa::path(
    get, path = "/api/v1/devices/{device}/tools", security(("admin_token" = [])),
    params(("device" = String, Path, description = "Id of the device")),
    responses(
        (status = 200, description = "Tools; none where the device offers none", body = ToolsView),
        (status = 409, description = "It is not connected, or does not answer", body = Refusal),
        (status = "4XX", description = "Not allowed, or no device id", body = Refusal),
        (status = 503, description = "Its session is busy", body = Refusal),
    )
)]
async fn list(State(admin): Shared, device: Result<Path<String>, PathRejection>) -> Response {
    let Some(device) = parse_device(device) else { return error_response(StatusCode::BAD_REQUEST, NO_DEVICE) };
    match admin.registry.device_tools(&device).await {
        Ok(tools) => Json(ToolsView { tools: tools.iter().map(ToolView::from).collect() }).into_response(),
        Err(refusal) => refuse(&refusal),
    }
}

/// A call of a tool.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct ToolCall {
    /// As the device names it.
    #[schema(min_length = 1, max_length = 128)]
    name: String,
    /// By the schema of the tool, at most 64 KiB. Default none.
    #[serde(default)]
    arguments: Map<String, Value>,
}

/// What came of a call.
#[derive(Debug, Serialize, ToSchema)]
struct ToolResultView {
    /// What the device answered, at most 16 KiB; older firmware answers nothing.
    text: String,
    /// The device says that the tool has failed.
    is_error: bool,
}

/// Calls a tool of a device, and waits for its answer.
#[utoipa::path(
    post, path = "/api/v1/devices/{device}/tools/call", security(("admin_token" = [])),
    params(("device" = String, Path, description = "Id of the device")),
    request_body = ToolCall,
    responses(
        (status = 200, description = "Its answer", body = ToolResultView),
        (status = 409, description = "It is not connected, has no such tool, or does not answer", body = Refusal),
        (status = 429, description = "Too many for this device in this minute, or too many calls wait", body = Refusal),
        (status = "4XX", description = "Not allowed, no device id, or no such call", body = Refusal),
        (status = 503, description = "Its session is busy", body = Refusal),
    )
)]
async fn call(
    State(admin): Shared,
    device: Result<Path<String>, PathRejection>,
    call: Result<Json<ToolCall>, JsonRejection>,
) -> Response {
    let Some(device) = parse_device(device) else { return error_response(StatusCode::BAD_REQUEST, NO_DEVICE) };
    let ToolCall { name, arguments } = match call {
        Ok(Json(call)) => call,
        Err(rejection) => {
            let why = format!("send {{\"name\": \"…\", \"arguments\": {{…}}}} as JSON: {}", rejection.body_text());
            return error_response(StatusCode::BAD_REQUEST, why);
        }
    };
    let arguments = Value::Object(arguments).to_string();
    if name.is_empty() || name.len() > limits::CALLED_TOOL_BYTES || arguments.len() > limits::TOOL_ARGUMENT_BYTES {
        return error_response(StatusCode::BAD_REQUEST, "a call has a name and at most 64 KiB of arguments");
    }
    if !admin.limiters.admit_say(&device) {
        return too_many(&device);
    }
    match admin.registry.call_device_tool(&device, name, arguments).await {
        Ok(result) => Json(ToolResultView { text: result.text, is_error: result.failed }).into_response(),
        Err(refusal) => refuse(&refusal),
    }
}

/// What has become of it.
#[derive(Debug, Serialize, ToSchema)]
struct Played {
    /// `connected`: the device plays it, after what it is speaking.
    outcome: &'static str,
}

/// The device plays a sound of at most a minute: WAV, MP3 or Opus in Ogg. Needs no synthesiser.
#[utoipa::path(
    post, path = "/api/v1/devices/{device}/play", security(("admin_token" = [])),
    params(("device" = String, Path, description = "Id of the device")),
    request_body(content_type = "application/octet-stream"),
    responses(
        (status = 200, description = "It is played", body = Played),
        (status = 409, description = "It is not connected, or other sounds wait", body = Refusal),
        (status = 429, description = "Too many for this device in this minute", body = Refusal),
        (status = "4XX", description = "Not allowed, no device id, or no such sound", body = Refusal),
        (status = 503, description = "Its session is busy, or the server is stopping", body = Refusal),
    )
)]
async fn play(
    State(admin): Shared,
    device: Result<Path<String>, PathRejection>,
    file: Result<Bytes, BytesRejection>,
) -> Response {
    let Some(device) = parse_device(device) else { return error_response(StatusCode::BAD_REQUEST, NO_DEVICE) };
    let file = match file {
        Ok(file) => file,
        Err(rejected) => return error_response(rejected.status(), rejected.body_text()),
    };
    // Before it is decoded.
    if !admin.registry.is_connected(&device) {
        return refuse(&DeviceRefusal::Away);
    }
    if !admin.limiters.admit_say(&device) {
        return too_many(&device);
    }
    let rate = admin.speech.providers().downlink.sample_rate;
    let sound = match run_blocking(move || Sound::read(&file, rate, limits::PLAYED_SOUND)).await {
        Some(Ok(sound)) => sound,
        Some(Err(why)) => return error_response(StatusCode::BAD_REQUEST, why),
        None => return error_response(StatusCode::SERVICE_UNAVAILABLE, STOPPING),
    };
    match admin.registry.play(&device, sound).await {
        Ok(()) => Json(Played { outcome: "connected" }).into_response(),
        Err(refusal) => refuse(&refusal),
    }
}

/// The device stops speaking, and does not speak what was to come next.
#[utoipa::path(
    post, path = "/api/v1/devices/{device}/stop", security(("admin_token" = [])),
    params(("device" = String, Path, description = "Id of the device")),
    responses(
        (status = 200, description = "It is silent", body = Done),
        (status = 409, description = "It is not connected", body = Refusal),
        (status = "4XX", description = "Not allowed, or no device id", body = Refusal),
    )
)]
async fn stop(State(admin): Shared, device: Result<Path<String>, PathRejection>) -> Response {
    let Some(device) = parse_device(device) else { return error_response(StatusCode::BAD_REQUEST, NO_DEVICE) };
    match admin.registry.silence(&device) {
        true => Json(Done::OK).into_response(),
        false => refuse(&DeviceRefusal::Away),
    }
}

fn refuse(refusal: &DeviceRefusal) -> Response {
    let status = match refusal {
        DeviceRefusal::Away | DeviceRefusal::Tool(_) | DeviceRefusal::NotPlayed(_) => StatusCode::CONFLICT,
        DeviceRefusal::TooMany(_) => StatusCode::TOO_MANY_REQUESTS,
        DeviceRefusal::Busy => StatusCode::SERVICE_UNAVAILABLE,
    };
    error_response(status, refusal)
}

fn too_many(device: &DeviceId) -> Response {
    let most = limits::SAYS_A_MINUTE;
    let why = format!("{device} was asked for {most} things in this minute already; wait a moment");
    error_response(StatusCode::TOO_MANY_REQUESTS, why)
}
