//! Refusals of sign-in, as callers and operators read them. Rule: the caller gets one plain
//! sentence, the operator one log line with device and reason, and neither anything of a token; no
//! flood of callers becomes a flood of lines.

use std::net::IpAddr;
use std::time::Instant;

use http::StatusCode;
use modehost_auth::{Denied, Refused};
use modehost_ids::DeviceId;
use modehost_limits as limits;
use parking_lot::Mutex;

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

/// Lines of the current second.
static LINES: Mutex<Option<Lines>> = Mutex::new(None);

struct Lines {
    since: Instant,
    written: u32,
    left_out: u64,
}

/// Tells the operator.
pub(crate) fn log(refused: &Refused, device: &DeviceId, address: IpAddr) {
    let Some(left_out) = take_line(&mut LINES.lock(), Instant::now()) else { return };
    let method = refused.method;
    if left_out > 0 {
        tracing::warn!(left_out, "further refused sign-ins were not logged, there were too many a second");
    }
    tracing::warn!(%device, %address, method, "sign-in refused: {}", refused.why);
}

/// Whether a line may be written; with the number of those that were not.
fn take_line(lines: &mut Option<Lines>, now: Instant) -> Option<u64> {
    let current = lines.get_or_insert(Lines { since: now, written: 0, left_out: 0 });
    if now.saturating_duration_since(current.since).as_secs() >= 1 {
        let left_out = current.left_out;
        *current = Lines { since: now, written: 1, left_out: 0 };
        return Some(left_out);
    }
    if current.written >= limits::SIGN_IN_LOG_LINES {
        current.left_out += 1;
        return None;
    }
    current.written += 1;
    Some(0)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_flood_is_logged_as_a_number() {
        let (mut lines, start) = (None, Instant::now());
        let written = (0..1000).filter(|_| take_line(&mut lines, start).is_some()).count();
        assert_eq!(written, limits::SIGN_IN_LOG_LINES as usize);
        assert_eq!(take_line(&mut lines, start + Duration::from_secs(1)), Some(1000 - written as u64));
        assert_eq!(take_line(&mut lines, start + Duration::from_secs(1)), Some(0));
    }
}
