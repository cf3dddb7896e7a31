//! The contract version that a component was built against. Rule: read from its exports before any of its code runs;
//! every released version stays supported.

use std::fmt;

use serde::{Serialize, Serializer};

/// The export that names the contract version.
const HANDLER: &str = "modehost:mode/handler@";

/// A version of the WIT package `modehost:mode`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ContractVersion {
    /// 0.1.0, frozen. Its types are converted to those of 0.2 and checked by the same rules; events that it does not
    /// have (`tools`, `tool-done`, `aborted`) are not sent.
    V0_1,
    /// 0.2.0.
    V0_2,
}

impl ContractVersion {
    /// All supported versions, oldest first.
    pub const ALL: [Self; 2] = [Self::V0_1, Self::V0_2];

    /// The version after the `@` in the name of an export.
    pub fn version(self) -> &'static str {
        match self {
            Self::V0_1 => "0.1.0",
            Self::V0_2 => "0.2.0",
        }
    }

    /// The newest supported version among a component's exports.
    ///
    /// # Errors
    /// A sentence that says what it exports instead.
    pub(crate) fn of(exports: &[String]) -> Result<Self, String> {
        let versions = || exports.iter().filter_map(|export| export.strip_prefix(HANDLER));
        let known = versions().filter_map(|version| Self::ALL.into_iter().find(|known| known.version() == version));
        if let Some(newest) = known.max() {
            return Ok(newest);
        }
        Err(match versions().next() {
            Some(version) => format!("it is built against modehost:mode@{version}, which this server does not know"),
            None => "it exports no modehost:mode/handler".to_owned(),
        })
    }
}

impl fmt::Display for ContractVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.version())
    }
}

impl Serialize for ContractVersion {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.version())
    }
}

#[cfg(test)]
mod tests {
    use super::ContractVersion;

    #[test]
    fn a_track_is_read_from_the_exports() {
        let of = |exports: &[&str]| {
            ContractVersion::of(&exports.iter().map(|export| (*export).to_owned()).collect::<Vec<_>>())
        };
        assert_eq!(of(&["modehost:mode/manifest@0.1.0", "modehost:mode/handler@0.1.0"]), Ok(ContractVersion::V0_1));
        assert_eq!(of(&["modehost:mode/handler@0.2.0"]), Ok(ContractVersion::V0_2));
        assert_eq!(of(&["modehost:mode/handler@0.2.0", "modehost:mode/handler@0.1.0"]), Ok(ContractVersion::V0_2));
        let newer = of(&["modehost:mode/handler@0.3.0"]).expect_err("unknown");
        assert!(newer.contains("modehost:mode@0.3.0"), "{newer}");
        assert!(of(&["wasi:cli/run@0.2.0"]).is_err());
        assert!(of(&[]).is_err());
    }
}
