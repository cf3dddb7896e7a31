//! Speech and notices that an operator begins. Rule: a device that is connected speaks at once, after what it is
//! speaking; for one that is away a notice waits, for a time, and the response says which. Each call is a line of the
//! audit, without its text; a device gets a bounded number a minute.

use std::sync::Arc;

use axum::Json;
use axum::extract::rejection::{JsonRejection, PathRejection};
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use modehost_storage::StorageError;
use modehost_storage::traits::{OfflineDelivery, OfflineQueue};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::sessions::{NO_DEVICE, parse_device};
use super::view::Refusal;
use super::{AdminState, Shared, error_response};
use crate::limits;

/// The routes of this module.
pub(super) fn routes() -> OpenApiRouter<Arc<AdminState>> {
    OpenApiRouter::new().routes(routes!(say)).routes(routes!(notify))
}

/// What is said or shown.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Words {
    /// 1 to 2,000 characters, not only blanks, no control characters but line feeds.
    #[schema(min_length = 1, max_length = 2000)]
    text: String,
    /// How long it waits for a device that is away, in s, 0 to 604,800; 0: not at all. Default 3,600.
    #[serde(default = "default_ttl")]
    #[schema(maximum = 604_800)]
    ttl_s: u64,
}

fn default_ttl() -> u64 {
    limits::SAY_TTL.as_secs()
}

/// What has become of it.
#[derive(Debug, Serialize, ToSchema)]
struct Said {
    /// `connected`: the device gets it now; `queued`: it is shown as a notice when the device connects again.
    outcome: &'static str,
}

/// The device speaks a sentence, after what it is speaking now. For a device that is away it waits as a notice, which is
/// shown and not spoken: stock firmware keeps no connection while it sleeps.
#[utoipa::path(
    post, path = "/api/v1/devices/{device}/say", security(("admin_token" = [])),
    params(("device" = String, Path, description = "Id of the device")),
    request_body = Words,
    responses(
        (status = 200, description = "It is spoken, or waits", body = Said),
        (status = 409, description = "It is away and nothing is to wait, it has never connected, or too much waits for \
                                      it", body = Refusal),
        (status = 429, description = "Too many for this device in this minute", body = Refusal),
        (status = "4XX", description = "Not allowed, no device id, or no such text", body = Refusal),
        (status = 503, description = "The storage does not answer", body = Refusal),
    )
)]
async fn say(
    State(admin): Shared,
    device: Result<Path<String>, PathRejection>,
    words: Result<Json<Words>, JsonRejection>,
) -> Response {
    tell(&admin, device, words, true).await
}

/// The device shows a notice. For a device that is away it waits.
#[utoipa::path(
    post, path = "/api/v1/devices/{device}/notify", security(("admin_token" = [])),
    params(("device" = String, Path, description = "Id of the device")),
    request_body = Words,
    responses(
        (status = 200, description = "It is shown, or waits", body = Said),
        (status = 409, description = "It is away and nothing is to wait, it has never connected, or too much waits for \
                                      it", body = Refusal),
        (status = 429, description = "Too many for this device in this minute", body = Refusal),
        (status = "4XX", description = "Not allowed, no device id, or no such text", body = Refusal),
        (status = 503, description = "The storage does not answer", body = Refusal),
    )
)]
async fn notify(
    State(admin): Shared,
    device: Result<Path<String>, PathRejection>,
    words: Result<Json<Words>, JsonRejection>,
) -> Response {
    tell(&admin, device, words, false).await
}

async fn tell(
    admin: &AdminState,
    device: Result<Path<String>, PathRejection>,
    words: Result<Json<Words>, JsonRejection>,
    spoken: bool,
) -> Response {
    let Some(device) = parse_device(device) else { return error_response(StatusCode::BAD_REQUEST, NO_DEVICE) };
    let words = match words {
        Ok(Json(words)) => words,
        Err(rejection) => {
            let why = format!("send {{\"text\": \"…\"}} as JSON: {}", rejection.body_text());
            return error_response(StatusCode::BAD_REQUEST, why);
        }
    };
    if let Err(why) = words.check() {
        return error_response(StatusCode::BAD_REQUEST, why);
    }
    if !admin.limiters.admit_say(&device) {
        let why = format!("{device} was told {} things in this minute already; wait a moment", limits::SAYS_A_MINUTE);
        return error_response(StatusCode::TOO_MANY_REQUESTS, why);
    }
    if admin.registry.tell(&device, &words.text, spoken) {
        return Json(Said { outcome: "connected" }).into_response();
    }
    if words.ttl_s == 0 {
        return error_response(StatusCode::CONFLICT, format!("{device} is not connected now"));
    }
    let queued = admin.queue.enqueue_delivery(OfflineDelivery {
        sender: device.clone(),
        receipt: None,
        receiver: device.clone(),
        payload: modehost_session::notice(&words.text).into(),
        now: modehost_session::unix_ms(),
        ttl_ms: words.ttl_s.saturating_mul(1000),
        allow_unknown_receiver: false,
    });
    match queued.await {
        Ok(_) => Json(Said { outcome: "queued" }).into_response(),
        Err(StorageError::QuotaExceeded(why)) => error_response(StatusCode::CONFLICT, why),
        Err(error) => error_response(StatusCode::SERVICE_UNAVAILABLE, error),
    }
}

impl Words {
    fn check(&self) -> Result<(), String> {
        let count = self.text.chars().count();
        if self.text.trim().is_empty() || count > limits::SAY_CHARACTERS {
            return Err(format!("`text` must have 1 to {} characters, not {count}", limits::SAY_CHARACTERS));
        }
        if self.text.chars().any(|one| one.is_control() && one != '\n') {
            return Err("`text` must not contain control characters".to_owned());
        }
        if self.ttl_s > limits::SAY_TTL_MAX.as_secs() {
            return Err(format!("`ttl_s` must be 0 to {}", limits::SAY_TTL_MAX.as_secs()));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_a_text() {
        let check = |text: &str, ttl_s| Words { text: text.to_owned(), ttl_s }.check();
        assert!(check("Dinner is ready.\n饭好了。", 0).is_ok());
        for (text, ttl_s) in [("", 0), (" \n", 0), ("a\u{7}", 0), (&"语".repeat(2001), 0), ("a", 604_801)] {
            assert!(check(text, ttl_s).is_err(), "{text:?} {ttl_s}");
        }
    }
}
