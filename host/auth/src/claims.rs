//! What a token says once it is known to be genuine. Rule: times, issuer, audience and device are
//! judged here alone, for signed tokens and for a provider's answers alike; what is there and of
//! the wrong form is a no.

use crate::limits;
use modehost_ids::DeviceId;
use serde_json::{Map, Value};

use crate::denied::Denied;

/// The members of a token or of an answer about one.
pub(crate) type Claims = Map<String, Value>;

/// When a token is good.
#[derive(Clone, Copy)]
pub(crate) struct Times {
    /// Unix seconds.
    pub now: f64,
    /// Seconds.
    pub leeway: f64,
}

impl Times {
    /// Refuses what has expired and what comes from the future; without an end a token is none.
    pub fn judge(self, claims: &Claims) -> Result<(), Denied> {
        let expires = time(claims, "exp")?.ok_or(Denied::Malformed)?;
        if self.now >= expires + self.leeway {
            return Err(Denied::Expired);
        }
        for name in ["nbf", "iat"] {
            if time(claims, name)?.is_some_and(|begins| self.now + self.leeway < begins) {
                return Err(Denied::NotYet);
            }
        }
        Ok(())
    }
}

/// A time in Unix seconds, fractions allowed.
pub(crate) fn time(claims: &Claims, name: &str) -> Result<Option<f64>, Denied> {
    match claims.get(name) {
        None => Ok(None),
        Some(value) => value.as_f64().filter(|time| time.is_finite()).map(Some).ok_or(Denied::Malformed),
    }
}

/// Whether the token comes from the issuer that is trusted.
pub(crate) fn judge_issuer(claims: &Claims, wanted: Option<&str>) -> Result<(), Denied> {
    match wanted {
        Some(wanted) if claims.get("iss").and_then(Value::as_str) != Some(wanted) => Err(Denied::Issuer),
        _ => Ok(()),
    }
}

/// Whether the token is meant for this server.
pub(crate) fn judge_audience(claims: &Claims, wanted: Option<&str>) -> Result<(), Denied> {
    let Some(wanted) = wanted else { return Ok(()) };
    let meant = match claims.get("aud") {
        Some(Value::String(one)) => one == wanted,
        Some(Value::Array(several)) => several.iter().any(|one| one.as_str() == Some(wanted)),
        _ => false,
    };
    if meant { Ok(()) } else { Err(Denied::Audience) }
}

/// The devices that a token opens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Binding {
    /// It names none.
    Any,
    These(Box<[DeviceId]>),
}

impl Binding {
    /// From the claim of this name. What is no device id opens nothing.
    pub fn read(claims: &Claims, name: Option<&str>) -> Self {
        let list = match name.and_then(|name| claims.get(name)) {
            None | Some(Value::Null) => return Self::Any,
            Some(Value::Array(several)) => several.as_slice(),
            Some(one) => std::slice::from_ref(one),
        };
        let devices = list.iter().take(limits::TOKEN_DEVICES);
        Self::These(devices.filter_map(Value::as_str).filter_map(DeviceId::parse).collect())
    }

    pub fn judge(&self, device: &DeviceId, required: bool) -> Result<(), Denied> {
        match self {
            Self::Any if required => Err(Denied::NoDevice),
            Self::Any => Ok(()),
            Self::These(devices) if devices.contains(device) => Ok(()),
            Self::These(_) => Err(Denied::OtherDevice),
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

    fn times(value: Value) -> Result<(), Denied> {
        Times { now: 1000.0, leeway: 60.0 }.judge(&claims(value))
    }

    #[test]
    fn c11_times_are_judged_with_the_leeway() {
        assert_eq!(times(json!({"exp": 1001})), Ok(()));
        assert_eq!(times(json!({"exp": 941})), Ok(()));
        assert_eq!(times(json!({"exp": 940})), Err(Denied::Expired));
        assert_eq!(times(json!({"exp": 2000.5, "nbf": 1060, "iat": 1060})), Ok(()));
        assert_eq!(times(json!({"exp": 2000, "nbf": 1061})), Err(Denied::NotYet));
        assert_eq!(times(json!({"exp": 2000, "iat": 1061})), Err(Denied::NotYet));
        for odd in [json!({}), json!({"exp": "2000"}), json!({"exp": null}), json!({"exp": 2000, "nbf": "soon"})] {
            assert_eq!(times(odd), Err(Denied::Malformed));
        }
        assert_eq!(times(json!({"exp": u64::MAX})), Ok(()));
        assert_eq!(times(json!({"exp": i64::MIN})), Err(Denied::Expired));
    }

    #[test]
    fn c11_issuer_and_audience_count_where_they_are_configured() {
        let one = claims(json!({"iss": "a", "aud": ["x", "y"]}));
        assert_eq!(judge_issuer(&one, None), Ok(()));
        assert_eq!(judge_issuer(&one, Some("a")), Ok(()));
        assert_eq!(judge_issuer(&one, Some("b")), Err(Denied::Issuer));
        assert_eq!(judge_issuer(&claims(json!({"iss": ["a"]})), Some("a")), Err(Denied::Issuer));
        assert_eq!(judge_audience(&one, Some("y")), Ok(()));
        assert_eq!(judge_audience(&one, Some("z")), Err(Denied::Audience));
        assert_eq!(judge_audience(&claims(json!({"aud": "z"})), Some("z")), Ok(()));
        assert_eq!(judge_audience(&claims(json!({})), Some("z")), Err(Denied::Audience));
    }

    #[test]
    fn c11_a_token_for_one_device_never_opens_another() {
        let opens = |value: Value, device: &str, required| {
            Binding::read(&claims(value), Some("device_id")).judge(&DeviceId::new(device), required)
        };
        assert_eq!(opens(json!({"device_id": "AA:01"}), "aa:01", true), Ok(()));
        assert_eq!(opens(json!({"device_id": "AA:01"}), "aa:02", false), Err(Denied::OtherDevice));
        assert_eq!(opens(json!({"device_id": ["aa:01", "aa:02"]}), "aa:02", true), Ok(()));
        assert_eq!(opens(json!({"device_id": null}), "aa:02", false), Ok(()));
        assert_eq!(opens(json!({"sub": "aa:02"}), "aa:02", true), Err(Denied::NoDevice));
        for odd in [json!(7), json!(""), json!([]), json!({"id": "aa:02"}), json!([["aa:02"]])] {
            assert_eq!(opens(json!({ "device_id": odd }), "aa:02", false), Err(Denied::OtherDevice));
        }
        let many: Vec<String> = (0..=limits::TOKEN_DEVICES).map(|number| format!("d{number}")).collect();
        let last = format!("d{}", limits::TOKEN_DEVICES);
        assert_eq!(opens(json!({ "device_id": many }), &last, false), Err(Denied::OtherDevice));
    }

    proptest! {
        #[test]
        fn a_named_device_is_the_only_one_that_is_opened(named in "\\PC{1,40}", other in "\\PC{1,40}") {
            let binding = Binding::read(&claims(json!({"device_id": named})), Some("device_id"));
            if let (Some(one), Some(two)) = (DeviceId::parse(&named), DeviceId::parse(&other)) {
                prop_assert_eq!(binding.judge(&one, true), Ok(()));
                prop_assert_eq!(binding.judge(&two, true).is_ok(), one == two);
            }
        }
    }
}
