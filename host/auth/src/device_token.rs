//! Device tokens, issued through OTA: `base64url(HMAC-SHA256(key, client|device|time)).time`, the format of the open
//! servers of this ecosystem; the time is in Unix seconds. Rule: a token is valid for one device and one client, until
//! it expires.

use std::fmt;

use crate::limits;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit, Mac};
use modehost_ids::{ClientId, DeviceId};
use sha2::Sha256;

use crate::config::DeviceTokenConfig;
use crate::denial::DenyReason;

#[derive(Clone)]
pub(crate) struct DeviceTokens {
    /// Initialised with the key; cloned for each signature.
    mac: Hmac<Sha256>,
    /// In s.
    lifetime: u64,
}

impl fmt::Debug for DeviceTokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DeviceTokens").field("life", &self.lifetime).finish_non_exhaustive()
    }
}

impl DeviceTokens {
    pub fn new(config: &DeviceTokenConfig) -> Option<Self> {
        // HMAC accepts a key of any length.
        let mac = Hmac::<Sha256>::new_from_slice(config.key.expose().as_bytes()).ok()?;
        Some(Self { mac, lifetime: config.expire_s })
    }

    /// Issues a token for this device and client. `None` if an id is ambiguous, that is, contains `|`.
    pub fn issue(&self, device: &DeviceId, client: &ClientId, now: u64) -> Option<String> {
        let time = now.to_string();
        let signature = self.sign(device, client, &time)?.finalize().into_bytes();
        Some(format!("{}.{time}", URL_SAFE_NO_PAD.encode(signature)))
    }

    pub fn check(&self, token: &str, device: &DeviceId, client: &ClientId, now: u64) -> Result<(), DenyReason> {
        let (signature, time, issued_at) = read(token).ok_or(DenyReason::Malformed)?;
        let mac = self.sign(device, client, time).ok_or(DenyReason::UnknownToken)?;
        mac.verify_slice(&signature).map_err(|_| DenyReason::UnknownToken)?;
        if issued_at > now.saturating_add(limits::TOKEN_LEEWAY.as_secs()) {
            return Err(DenyReason::NotYet);
        }
        if now >= issued_at.saturating_add(self.lifetime) {
            return Err(DenyReason::Expired);
        }
        Ok(())
    }

    fn sign(&self, device: &DeviceId, client: &ClientId, time: &str) -> Option<Hmac<Sha256>> {
        // `a|b` and `c` must not have the same signature as `a` and `b|c`.
        if device.as_str().contains('|') || client.as_str().contains('|') {
            return None;
        }
        let mut mac = self.mac.clone();
        for part in [client.as_str(), "|", device.as_str(), "|", time] {
            mac.update(part.as_bytes());
        }
        Some(mac)
    }
}

/// The signature, and the time as text and as a number.
fn read(token: &str) -> Option<([u8; 32], &str, u64)> {
    let (signature, time) = token.split_once('.')?;
    let is_decimal = (1..=12).contains(&time.len()) && time.bytes().all(|byte| byte.is_ascii_digit());
    // The decoder needs a buffer larger than its output.
    let mut bytes = [0; 48];
    // Some libraries do not strip the padding.
    let length = URL_SAFE_NO_PAD.decode_slice(signature.trim_end_matches('='), &mut bytes).ok()?;
    let signature: [u8; 32] = bytes[..length].try_into().ok()?;
    is_decimal.then_some(())?;
    Some((signature, time, time.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const NOW: u64 = 1_700_000_000;

    fn tokens() -> DeviceTokens {
        DeviceTokens::new(&DeviceTokenConfig { key: "test-key".into(), expire_s: 3600 }).expect("tokens")
    }

    fn check(token: &str, device: &str, client: &str, now: u64) -> Result<(), DenyReason> {
        tokens().check(token, &DeviceId::new(device), &ClientId::new(client), now)
    }

    #[test]
    fn c11_it_is_the_token_that_servers_of_this_ecosystem_make() {
        // Computed with another implementation: base64url(HMAC-SHA256("test-key",
        // "client-1|aa:bb:cc:dd:ee:ff|1700000000"))
        let token = "20hsetOd15E1GoilfPbZQKdOq5-v5rLx-3J4b2Wu2EQ.1700000000";
        assert_eq!(check(token, "aa:bb:cc:dd:ee:ff", "client-1", NOW), Ok(()));
        let issued = tokens().issue(&DeviceId::new("aa:bb:cc:dd:ee:ff"), &ClientId::new("client-1"), NOW);
        assert_eq!(issued.as_deref(), Some(token));
    }

    #[test]
    fn c11_it_opens_its_device_for_its_client_and_its_time_only() {
        let token = tokens().issue(&DeviceId::new("a"), &ClientId::new("c"), NOW).expect("a token");
        assert_eq!(check(&token, "a", "c", NOW + 3599), Ok(()));
        assert_eq!(check(&token, "a", "c", NOW + 3600), Err(DenyReason::Expired));
        assert_eq!(check(&token, "a", "c", NOW - 30), Ok(()), "clocks differ");
        assert_eq!(check(&token, "a", "c", NOW - 3600), Err(DenyReason::NotYet));
        assert_eq!(check(&token, "b", "c", NOW), Err(DenyReason::UnknownToken));
        assert_eq!(check(&token, "a", "d", NOW), Err(DenyReason::UnknownToken));
        let (signature, _) = token.split_once('.').expect("two parts");
        assert_eq!(check(&format!("{signature}.{}", NOW + 1), "a", "c", NOW), Err(DenyReason::UnknownToken));
        assert_eq!(check(&format!("{signature}.+{NOW}"), "a", "c", NOW), Err(DenyReason::Malformed));
    }

    #[test]
    fn names_that_could_be_read_in_two_ways_get_and_open_nothing() {
        assert_eq!(tokens().issue(&DeviceId::new("b|c"), &ClientId::new("a"), NOW), None);
        let token = tokens().issue(&DeviceId::new("c"), &ClientId::new("b"), NOW).expect("a token");
        assert_eq!(check(&token, "c", "a|b", NOW), Err(DenyReason::UnknownToken));
    }

    /// Corpus tokens and mutations of them.
    #[test]
    fn c11_only_the_one_token_opens() {
        const GOOD: &str = "20hsetOd15E1GoilfPbZQKdOq5-v5rLx-3J4b2Wu2EQ.1700000000";
        let mut opened = 0;
        let corpus = modehost_corpus::Corpus::open(env!("CARGO_MANIFEST_DIR"), "device_token");
        for (_, bytes) in corpus.inputs() {
            let token = String::from_utf8_lossy(bytes);
            opened += usize::from(check(&token, "aa:bb:cc:dd:ee:ff", "client-1", NOW).is_ok());
        }
        assert_eq!(opened, 3, "with and without padding");
        corpus.keeps(|bytes| {
            let token = String::from_utf8_lossy(bytes);
            if check(&token, "aa:bb:cc:dd:ee:ff", "client-1", NOW).is_ok() {
                let (signature, time) = token.split_once('.').expect("two parts");
                assert_eq!(format!("{}.{time}", signature.trim_end_matches('=')), GOOD);
            }
            assert!(check(&token, "aa:bb:cc:dd:ee:00", "client-1", NOW).is_err(), "another device");
            assert!(check(&token, "aa:bb:cc:dd:ee:ff", "client-2", NOW).is_err(), "another client");
        });
    }

    proptest! {
        #[test]
        fn whatever_is_sent_opens_nothing(token in "\\PC{0,80}", time in 0_u64..u64::MAX) {
            prop_assert!(check(&token, "a", "c", time).is_err());
            let timed = format!("{token}.{time}");
            prop_assert!(check(&timed, "a", "c", time).is_err());
        }
    }
}
