//! One HTTP request to a hook. Rule: it ends within the timeout of the hook, and its error contains neither the address
//! nor anything from the response.

use std::time::{Duration, Instant};

use crate::limits;
use bytes::Bytes;
use modehost_contract::event::Failure;
use reqwest::header::CONTENT_TYPE;
use reqwest::{Response, StatusCode};
use tokio::time::timeout;

use crate::hook::{Header, Hook};

/// Why an attempt failed.
#[derive(Debug)]
pub(crate) struct Fault {
    failure: Failure,
    message: String,
    /// Whether a retry may succeed.
    pub is_transient: bool,
}

impl Fault {
    pub(crate) fn into_outcome(self) -> (Failure, String) {
        (self.failure, self.message)
    }

    fn transient(failure: Failure, message: impl Into<String>) -> Self {
        Self { failure, message: message.into(), is_transient: true }
    }

    fn permanent(message: impl Into<String>) -> Self {
        Self { failure: Failure::Rejected, message: message.into(), is_transient: false }
    }
}

/// Posts the body. Returns the status of a successful response.
pub(crate) async fn run(hook: &Hook, signature: Option<Header>, body: Bytes) -> Result<u16, Fault> {
    let Some(http) = &hook.http else {
        return Err(Fault::permanent("TLS cannot be set up on this machine; see that it has root certificates"));
    };
    let limit = Duration::from_secs(hook.config.timeout_s);
    let started = Instant::now();
    let mut request = http.post(hook.config.url.as_str()).header(CONTENT_TYPE, "application/json").body(body);
    if let Some((name, value)) = signature {
        request = request.header(name, value);
    }
    let response = match timeout(limit, request.send()).await {
        Ok(Ok(response)) => response,
        Ok(Err(error)) => return Err(fault_of_error(&error)),
        Err(_) => {
            let message = format!("no answer within {} s", hook.config.timeout_s);
            return Err(Fault::transient(Failure::TimedOut, message));
        }
    };
    let status = response.status();
    // Only so that the connection can be reused: the status is the whole result.
    let _ = timeout(limit.saturating_sub(started.elapsed()), drain(response)).await;
    check_status(status)
}

fn check_status(status: StatusCode) -> Result<u16, Fault> {
    let number = status.as_u16();
    match number {
        _ if status.is_success() => Ok(number),
        408 | 429 | 500.. => Err(Fault::transient(Failure::Unavailable, format!("it answered {number}"))),
        300..400 => {
            Err(Fault::permanent(format!("it answered {number}: redirects are not followed; set the url they lead to")))
        }
        _ => Err(Fault::permanent(format!("it answered {number}"))),
    }
}

/// Does not use the message of the library, which would repeat the address.
fn fault_of_error(error: &reqwest::Error) -> Fault {
    if error.is_builder() {
        return Fault::permanent("the request could not be made");
    }
    let message = if error.is_connect() { "cannot connect" } else { "the connection was lost" };
    Fault::transient(Failure::Unavailable, message)
}

/// Reads the response to its end, or up to a bound, after which the connection is dropped.
async fn drain(mut response: Response) {
    let mut bytes = 0;
    while let Ok(Some(chunk)) = response.chunk().await {
        bytes += chunk.len();
        if bytes > limits::HOOK_RESPONSE_BYTES {
            return;
        }
    }
}
