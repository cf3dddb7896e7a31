//! One request to a hook. Rule: it ends within the hook's time, and what is told of it holds
//! neither the address nor anything that the receiver said.

use std::time::{Duration, Instant};

use crate::limits;
use bytes::Bytes;
use modehost_contract::event::Failure;
use reqwest::header::CONTENT_TYPE;
use reqwest::{Response, StatusCode};
use tokio::time::timeout;

use crate::hook::{Header, Hook};

/// Why an attempt came to nothing.
#[derive(Debug)]
pub(crate) struct Fault {
    failure: Failure,
    why: String,
    /// Another attempt may do better.
    pub may_pass: bool,
}

impl Fault {
    pub(crate) fn told(self) -> (Failure, String) {
        (self.failure, self.why)
    }

    fn passing(failure: Failure, why: impl Into<String>) -> Self {
        Self { failure, why: why.into(), may_pass: true }
    }

    fn lasting(why: impl Into<String>) -> Self {
        Self { failure: Failure::Rejected, why: why.into(), may_pass: false }
    }
}

/// Posts the body; the status of an answer that took it.
pub(crate) async fn run(hook: &Hook, signature: Option<Header>, body: Bytes) -> Result<u16, Fault> {
    let Some(http) = &hook.http else {
        return Err(Fault::lasting("TLS cannot be set up on this machine; see that it has root certificates"));
    };
    let time = Duration::from_secs(hook.config.timeout_s);
    let began = Instant::now();
    let mut request = http.post(hook.config.url.as_str()).header(CONTENT_TYPE, "application/json").body(body);
    if let Some((name, value)) = signature {
        request = request.header(name, value);
    }
    let response = match timeout(time, request.send()).await {
        Ok(Ok(response)) => response,
        Ok(Err(error)) => return Err(broken(&error)),
        Err(_) => {
            let why = format!("no answer within {} s", hook.config.timeout_s);
            return Err(Fault::passing(Failure::TimedOut, why));
        }
    };
    let status = response.status();
    // Only for the connection's sake: the status has said it all.
    let _ = timeout(time.saturating_sub(began.elapsed()), drain(response)).await;
    judge(status)
}

fn judge(status: StatusCode) -> Result<u16, Fault> {
    let number = status.as_u16();
    match number {
        _ if status.is_success() => Ok(number),
        408 | 429 | 500.. => Err(Fault::passing(Failure::Unavailable, format!("it answered {number}"))),
        300..400 => {
            Err(Fault::lasting(format!("it answered {number}: redirects are not followed; set the url they lead to")))
        }
        _ => Err(Fault::lasting(format!("it answered {number}"))),
    }
}

/// The words of the library would repeat the address.
fn broken(error: &reqwest::Error) -> Fault {
    if error.is_builder() {
        return Fault::lasting("the request could not be made");
    }
    let why = if error.is_connect() { "it cannot be connected to" } else { "the connection broke off" };
    Fault::passing(Failure::Unavailable, why)
}

/// Reads the answer to its end, or up to a bound, behind which the connection is dropped.
async fn drain(mut response: Response) {
    let mut bytes = 0;
    while let Ok(Some(chunk)) = response.chunk().await {
        bytes += chunk.len();
        if bytes > limits::HOOK_ANSWER_BYTES {
            return;
        }
    }
}
