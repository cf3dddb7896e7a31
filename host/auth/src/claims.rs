//! Validation of the claims of an authentic token. Rule: times, issuer, audience and device are checked here alone, for
//! JWTs and introspection responses alike; a claim of the wrong type is rejected.

use crate::limits;
use modehost_ids::DeviceId;
use serde_json::{Map, Value};

use crate::denial::DenyReason;

/// The members of a JWT or of an introspection response.
pub(crate) type Claims = Map<String, Value>;

/// The clock against which the times of a token are checked.
#[derive(Clone, Copy)]
pub(crate) struct Clock {
    /// Unix seconds.
    pub now: f64,
    /// Seconds.
    pub leeway: f64,
}

impl Clock {
    /// Rejects expired tokens and tokens from the future; `exp` is required.
    pub fn check(self, claims: &Claims) -> Result<(), DenyReason> {
        let expires = time(claims, "exp")?.ok_or(DenyReason::Malformed)?;
        if self.now >= expires + self.leeway {
            return Err(DenyReason::Expired);
        }
        for name in ["nbf", "iat"] {
            if time(claims, name)?.is_some_and(|begins| self.now + self.leeway < begins) {
                return Err(DenyReason::NotYet);
            }
        }
        Ok(())
    }
}

/// A time in Unix seconds, fractions allowed.
pub(crate) fn time(claims: &Claims, name: &str) -> Result<Option<f64>, DenyReason> {
    match claims.get(name) {
        None => Ok(None),
        Some(value) => value.as_f64().filter(|time| time.is_finite()).map(Some).ok_or(DenyReason::Malformed),
    }
}

/// Checks that the token was issued by the trusted issuer.
pub(crate) fn check_issuer(claims: &Claims, expected: Option<&str>) -> Result<(), DenyReason> {
    match expected {
        Some(expected) if claims.get("iss").and_then(Value::as_str) != Some(expected) => Err(DenyReason::Issuer),
        _ => Ok(()),
    }
}

/// Checks that the token was issued for this server.
pub(crate) fn check_audience(claims: &Claims, expected: Option<&str>) -> Result<(), DenyReason> {
    let Some(expected) = expected else { return Ok(()) };
    let matches = match claims.get("aud") {
        Some(Value::String(one)) => one == expected,
        Some(Value::Array(list)) => list.iter().any(|one| one.as_str() == Some(expected)),
        _ => false,
    };
    if matches { Ok(()) } else { Err(DenyReason::Audience) }
}

/// The devices that a token is valid for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum DeviceBinding {
    /// The token names no device.
    Any,
    Only(Box<[DeviceId]>),
}

impl DeviceBinding {
    /// Reads the claim of this name. A value that is not a device id matches no device.
    pub fn read(claims: &Claims, name: Option<&str>) -> Self {
        let list = match name.and_then(|name| claims.get(name)) {
            None | Some(Value::Null) => return Self::Any,
            Some(Value::Array(list)) => list.as_slice(),
            Some(one) => std::slice::from_ref(one),
        };
        let devices = list.iter().take(limits::TOKEN_DEVICES);
        Self::Only(devices.filter_map(Value::as_str).filter_map(DeviceId::parse).collect())
    }

    pub fn check(&self, device: &DeviceId, required: bool) -> Result<(), DenyReason> {
        match self {
            Self::Any if required => Err(DenyReason::NoDevice),
            Self::Any => Ok(()),
            Self::Only(devices) if devices.contains(device) => Ok(()),
            Self::Only(_) => Err(DenyReason::OtherDevice),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn claims(value: Value) -> Claims {
        value.as_object().expect("an object").clone()
    }

    fn times(value: Value) -> Result<(), DenyReason> {
        Clock { now: 1000.0, leeway: 60.0 }.check(&claims(value))
    }

    #[test]
    fn c11_times_are_judged_with_the_leeway() {
        assert_eq!(times(json!({"exp": 1001})), Ok(()));
        assert_eq!(times(json!({"exp": 941})), Ok(()));
        assert_eq!(times(json!({"exp": 940})), Err(DenyReason::Expired));
        assert_eq!(times(json!({"exp": 2000.5, "nbf": 1060, "iat": 1060})), Ok(()));
        assert_eq!(times(json!({"exp": 2000, "nbf": 1061})), Err(DenyReason::NotYet));
        assert_eq!(times(json!({"exp": 2000, "iat": 1061})), Err(DenyReason::NotYet));
        for odd in [json!({}), json!({"exp": "2000"}), json!({"exp": null}), json!({"exp": 2000, "nbf": "soon"})] {
            assert_eq!(times(odd), Err(DenyReason::Malformed));
        }
        assert_eq!(times(json!({"exp": u64::MAX})), Ok(()));
        assert_eq!(times(json!({"exp": i64::MIN})), Err(DenyReason::Expired));
    }

    #[test]
    fn c11_issuer_and_audience_count_where_they_are_configured() {
        let one = claims(json!({"iss": "a", "aud": ["x", "y"]}));
        assert_eq!(check_issuer(&one, None), Ok(()));
        assert_eq!(check_issuer(&one, Some("a")), Ok(()));
        assert_eq!(check_issuer(&one, Some("b")), Err(DenyReason::Issuer));
        assert_eq!(check_issuer(&claims(json!({"iss": ["a"]})), Some("a")), Err(DenyReason::Issuer));
        assert_eq!(check_audience(&one, Some("y")), Ok(()));
        assert_eq!(check_audience(&one, Some("z")), Err(DenyReason::Audience));
        assert_eq!(check_audience(&claims(json!({"aud": "z"})), Some("z")), Ok(()));
        assert_eq!(check_audience(&claims(json!({})), Some("z")), Err(DenyReason::Audience));
    }

    #[test]
    fn c11_a_token_for_one_device_never_opens_another() {
        let opens = |value: Value, device: &str, required| {
            DeviceBinding::read(&claims(value), Some("device_id")).check(&DeviceId::new(device), required)
        };
        assert_eq!(opens(json!({"device_id": "AA:01"}), "aa:01", true), Ok(()));
        assert_eq!(opens(json!({"device_id": "AA:01"}), "aa:02", false), Err(DenyReason::OtherDevice));
        assert_eq!(opens(json!({"device_id": ["aa:01", "aa:02"]}), "aa:02", true), Ok(()));
        assert_eq!(opens(json!({"device_id": null}), "aa:02", false), Ok(()));
        assert_eq!(opens(json!({"sub": "aa:02"}), "aa:02", true), Err(DenyReason::NoDevice));
        for odd in [json!(7), json!(""), json!([]), json!({"id": "aa:02"}), json!([["aa:02"]])] {
            assert_eq!(opens(json!({ "device_id": odd }), "aa:02", false), Err(DenyReason::OtherDevice));
        }
        let many: Vec<String> = (0..=limits::TOKEN_DEVICES).map(|number| format!("d{number}")).collect();
        let last = format!("d{}", limits::TOKEN_DEVICES);
        assert_eq!(opens(json!({ "device_id": many }), &last, false), Err(DenyReason::OtherDevice));
    }

    proptest! {
        #[test]
        fn a_named_device_is_the_only_one_that_is_opened(named in "\\PC{1,40}", other in "\\PC{1,40}") {
            let binding = DeviceBinding::read(&claims(json!({"device_id": named})), Some("device_id"));
            if let (Some(one), Some(two)) = (DeviceId::parse(&named), DeviceId::parse(&other)) {
                prop_assert_eq!(binding.check(&one, true), Ok(()));
                prop_assert_eq!(binding.check(&two, true).is_ok(), one == two);
            }
        }
    }
}
