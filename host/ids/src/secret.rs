//! Secrets from the configuration. Rule: they can be read and used, and are printed nowhere.

use std::fmt;
use std::marker::PhantomData;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

/// The purpose of a secret, so that no function can mistake one for another.
pub trait SecretKind {
    /// Its name, in `Debug` and in the schema of the configuration.
    const NAME: &'static str;
    /// One sentence for the schema.
    const DESCRIPTION: &'static str;
}

/// A text that neither `Debug` nor `Serialize` shows. Validated when it is read: see the validators beside each kind.
///
/// `==` serves to detect a changed setting; untrusted input is compared with [`Secret::matches`], in constant time.
pub struct Secret<K>(String, PhantomData<fn() -> K>);

impl<K> Secret<K> {
    /// The secret itself. For a header or a signature, and nothing else.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// Whether `given` is the secret, in a time that reveals neither how much of it is right nor how long the secret
    /// is: digests are compared.
    pub fn matches(&self, given: &str) -> bool {
        Sha256::digest(self.0.as_bytes()).ct_eq(&Sha256::digest(given.as_bytes())).into()
    }
}

impl<K> From<&str> for Secret<K> {
    fn from(text: &str) -> Self {
        Self(text.to_owned(), PhantomData)
    }
}

// By hand, since deriving would require the same traits of the kind.
impl<K> Clone for Secret<K> {
    fn clone(&self) -> Self {
        Self(self.0.clone(), PhantomData)
    }
}

impl<K> PartialEq for Secret<K> {
    fn eq(&self, other: &Self) -> bool {
        self.0 == other.0
    }
}

impl<K> Eq for Secret<K> {}

impl<K: SecretKind> fmt::Debug for Secret<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}(…)", K::NAME)
    }
}

impl<K> Serialize for Secret<K> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str("…")
    }
}

impl<'de, K> Deserialize<'de> for Secret<K> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Self(String::deserialize(deserializer)?, PhantomData))
    }
}

impl<K: SecretKind> JsonSchema for Secret<K> {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        K::NAME.into()
    }

    fn schema_id() -> std::borrow::Cow<'static, str> {
        // Two kinds may have the same name.
        std::any::type_name::<K>().into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "description": K::DESCRIPTION })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct OfTests;

    impl SecretKind for OfTests {
        const NAME: &'static str = "TestKey";
        const DESCRIPTION: &'static str = "A key of tests.";
    }

    #[test]
    fn it_is_read_and_never_shown() {
        let key: Secret<OfTests> = serde_json::from_str("\"hush-hush\"").expect("a key");
        assert_eq!(key.expose(), "hush-hush");
        assert_eq!(format!("{key:?} {:?}", Some(&key)), "TestKey(…) Some(TestKey(…))");
        assert_eq!(serde_json::to_string(&key).expect("JSON"), "\"…\"");
    }

    #[test]
    fn only_the_whole_secret_is_right() {
        let key = Secret::<OfTests>::from("hush-hush");
        assert!(key.matches("hush-hush"));
        for wrong in ["", "hush", "hush-hush ", "hush-husH"] {
            assert!(!key.matches(wrong), "{wrong}");
        }
    }

    #[test]
    fn a_changed_one_is_noticed() {
        let key = Secret::<OfTests>::from("one");
        assert!(key == key.clone() && key != Secret::from("two"));
    }

    #[test]
    fn a_number_is_no_secret_and_the_error_does_not_show_it() {
        let error = serde_json::from_str::<Secret<OfTests>>("[\"hush-hush\"]").expect_err("a list");
        assert!(!error.to_string().contains("hush"), "{error}");
    }
}
