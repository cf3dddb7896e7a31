//! Refusals of sign-in, as callers and operators read them. Rule: the caller gets one plain
//! sentence, the operator one log line with device and reason, and neither anything of a token; no
//! flood of callers becomes a flood of lines.

use std::net::IpAddr;

use crate::limits;
use http::StatusCode;
use modehost_auth::{Denied, Refused};
use modehost_ids::DeviceId;

use crate::log_rate::LogRate;

/// The status that goes with a refusal.
pub(crate) fn status(why: Denied) -> StatusCode {
    match why {
        Denied::NotListed | Denied::NoDevice | Denied::OtherDevice => StatusCode::FORBIDDEN,
        Denied::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
        Denied::TooMany(_) => StatusCode::TOO_MANY_REQUESTS,
        _ => StatusCode::UNAUTHORIZED,
    }
}

/// Seconds after which another attempt makes sense.
pub(crate) fn retry_after(why: Denied) -> Option<u64> {
    match why {
        Denied::TooMany(seconds) => Some(seconds),
        Denied::Unavailable => Some(limits::IDENTITY_BACKOFF.as_secs()),
        _ => None,
    }
}

static LINES: LogRate = LogRate::new(limits::SIGN_IN_LOG_LINES);

/// Tells the operator.
pub(crate) fn log(refused: &Refused, device: &DeviceId, address: IpAddr) {
    let Some(left_out) = LINES.take() else { return };
    let method = refused.method;
    if left_out > 0 {
        tracing::warn!(left_out, "further refused sign-ins were not logged, there were too many a second");
    }
    tracing::warn!(%device, %address, method, "sign-in refused: {}", refused.why);
}
