//! HTTP status and log line of a failed sign-in. Rule: the client gets one plain sentence, the operator one log line
//! with device and reason, and neither contains any part of a token; the number of log lines is rate-limited.

use std::net::IpAddr;

use crate::limits;
use http::StatusCode;
use modehost_auth::{Denial, DenyReason};
use modehost_ids::DeviceId;

use crate::log_rate::LogRateLimiter;

/// HTTP status of a failed sign-in.
pub(crate) fn status(reason: DenyReason) -> StatusCode {
    match reason {
        DenyReason::NotListed | DenyReason::NoDevice | DenyReason::OtherDevice => StatusCode::FORBIDDEN,
        DenyReason::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
        DenyReason::TooMany(_) => StatusCode::TOO_MANY_REQUESTS,
        _ => StatusCode::UNAUTHORIZED,
    }
}

/// Value of `Retry-After`, in s.
pub(crate) fn retry_after(reason: DenyReason) -> Option<u64> {
    match reason {
        DenyReason::TooMany(seconds) => Some(seconds),
        DenyReason::Unavailable => Some(limits::IDENTITY_BACKOFF.as_secs()),
        _ => None,
    }
}

static LOG_LIMIT: LogRateLimiter = LogRateLimiter::new(limits::SIGN_IN_LOG_LINES);

/// Logs a failed sign-in.
pub(crate) fn log(denial: &Denial, device: &DeviceId, address: IpAddr) {
    let Some(left_out) = LOG_LIMIT.try_acquire() else { return };
    let method = denial.method;
    if left_out > 0 {
        tracing::warn!(left_out, "further refused sign-ins were not logged, there were too many a second");
    }
    tracing::warn!(%device, %address, method, "sign-in refused: {}", denial.reason);
}
