//! What plugins may do beyond talking to their own device. Rule: a plugin has what it asks for in
//! its package and what the operator grants in the configuration, and nothing else.

use std::fmt;

/// Grants whose argument is a prefix of the key; those of the others are matched as a whole.
const PREFIX_KINDS: [&str; 2] = ["documents", "journals"];
/// Grants with an argument that has to be equal, or match with `*` at its end.
const NAME_KINDS: [&str; 3] = ["archive", "hook", "dispatch"];
/// Grants without an argument.
const PLAIN_KINDS: [&str; 5] = ["model", "tools", "broadcast", "deliver", "switch-mode"];

/// One grant: `model`, `documents:board/`, `hook:crm`, `dispatch:*`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Grant {
    kind: String,
    argument: Option<String>,
}

impl Grant {
    /// Reads a grant.
    ///
    /// # Errors
    /// A sentence that says what is wrong, naming what there is.
    pub fn parse(text: &str) -> Result<Self, String> {
        let (kind, argument) = match text.split_once(':') {
            Some((kind, argument)) => (kind, Some(argument)),
            None => (text, None),
        };
        let wants_argument = PREFIX_KINDS.contains(&kind) || NAME_KINDS.contains(&kind);
        if !wants_argument && !PLAIN_KINDS.contains(&kind) {
            return Err(format!(
                "`{text}` is not a grant; there are {}, and with an argument {}",
                PLAIN_KINDS.join(", "),
                [&PREFIX_KINDS[..], &NAME_KINDS[..]].concat().join(":…, ") + ":…"
            ));
        }
        match argument {
            Some(_) if !wants_argument => Err(format!("the grant `{kind}` takes no argument, but `{text}` has one")),
            Some("") | None if wants_argument => {
                Err(format!("the grant `{kind}` needs an argument, such as `{kind}:name`, or `{kind}:*` for all"))
            }
            Some(argument) if argument.trim_end_matches('*').contains('*') || argument.ends_with("**") => {
                Err(format!("in `{text}` a `*` may only stand at the end"))
            }
            _ => Ok(Self { kind: kind.to_owned(), argument: argument.map(str::to_owned) }),
        }
    }

    /// True if whatever the other allows is allowed by this one too.
    fn covers(&self, other: &Self) -> bool {
        if self.kind != other.kind {
            return false;
        }
        match (&self.argument, &other.argument) {
            (Some(own), Some(asked)) => {
                let open_asked = PREFIX_KINDS.contains(&self.kind.as_str()) || asked.ends_with('*');
                let asked = asked.trim_end_matches('*');
                match self.open_prefix(own) {
                    Some(prefix) => asked.starts_with(prefix),
                    None => !open_asked && own == asked,
                }
            }
            _ => true,
        }
    }

    /// True if the grant allows this one thing.
    fn allows(&self, kind: &str, argument: Option<&str>) -> bool {
        if self.kind != kind {
            return false;
        }
        match (&self.argument, argument) {
            (Some(own), Some(wanted)) => match self.open_prefix(own) {
                Some(prefix) => wanted.starts_with(prefix),
                None => own == wanted,
            },
            _ => true,
        }
    }

    /// The prefix that the argument stands for, if it stands for more than itself.
    fn open_prefix<'a>(&self, argument: &'a str) -> Option<&'a str> {
        let open = PREFIX_KINDS.contains(&self.kind.as_str()) || argument.ends_with('*');
        open.then(|| argument.trim_end_matches('*'))
    }
}

impl fmt::Display for Grant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.argument {
            Some(argument) => write!(f, "{}:{argument}", self.kind),
            None => f.write_str(&self.kind),
        }
    }
}

/// The grants in force for one plugin.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Grants {
    effective: Vec<Grant>,
    /// Welcome, and not (or not wholly) granted.
    declined: Vec<Grant>,
}

impl Grants {
    /// What is in force of what is asked for. The error is the first required grant that the
    /// configured ones do not cover.
    pub(crate) fn intersect(required: &[Grant], optional: &[Grant], configured: &[Grant]) -> Result<Self, Grant> {
        let (mut effective, mut declined): (Vec<Grant>, Vec<Grant>) = Default::default();
        for grant in required {
            if !configured.iter().any(|have| have.covers(grant)) {
                return Err(grant.clone());
            }
            effective.push(grant.clone());
        }
        for grant in optional {
            if configured.iter().any(|have| have.covers(grant)) {
                effective.push(grant.clone());
            } else {
                declined.push(grant.clone());
                // The operator grants a part of what would be welcome.
                effective.extend(configured.iter().filter(|have| grant.covers(have)).cloned());
            }
        }
        effective.sort_by_key(Grant::to_string);
        effective.dedup();
        Ok(Self { effective, declined })
    }

    /// Says what is missing if the effect is not granted.
    pub(crate) fn need(&self, effect: &str, kind: &str, argument: Option<&str>) -> Result<(), String> {
        if self.effective.iter().any(|grant| grant.allows(kind, argument)) {
            return Ok(());
        }
        Err(match argument {
            Some(argument) => format!("`{effect}` needs the grant `{kind}:{argument}`, which this plugin has not"),
            None => format!("`{effect}` needs the grant `{kind}`, which this plugin has not"),
        })
    }

    /// True if nothing that would be welcome is missing.
    pub(crate) fn are_whole(&self) -> bool {
        self.declined.is_empty()
    }

    /// True for what the plugin would welcome and the operator has not granted.
    pub(crate) fn declines(&self, kind: &str, argument: Option<&str>) -> bool {
        let allows = |grants: &[Grant]| grants.iter().any(|grant| grant.allows(kind, argument));
        allows(&self.declined) && !allows(&self.effective)
    }

    /// The grants as text, sorted.
    pub fn to_texts(&self) -> Vec<String> {
        self.effective.iter().map(Grant::to_string).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grants(texts: &[&str]) -> Vec<Grant> {
        texts.iter().map(|text| Grant::parse(text).expect("a grant")).collect()
    }

    #[test]
    fn asked_must_be_covered() {
        let configured = grants(&["documents:board/", "hook:*", "dispatch:task", "model"]);
        for good in ["documents:board/", "documents:board/today/", "hook:crm", "hook:c*", "dispatch:task", "model"] {
            assert!(Grants::intersect(&grants(&[good]), &[], &configured).is_ok(), "{good}");
        }
        for bad in ["documents:boa", "documents:*", "dispatch:tas", "dispatch:*", "broadcast", "journals:board/"] {
            assert!(Grants::intersect(&grants(&[bad]), &[], &configured).is_err(), "{bad}");
        }
    }

    #[test]
    fn of_what_is_optional_the_granted_part_is_taken() {
        let asked = grants(&["documents:*", "model"]);
        let effective = Grants::intersect(&[], &asked, &grants(&["documents:board/"])).expect("grants");
        assert_eq!(effective.to_texts(), ["documents:board/"]);
        assert!(effective.need("e", "documents", Some("board/1")).is_ok());
        let missing = effective.need("e", "documents", Some("other/1")).expect_err("not granted");
        assert!(missing.contains("documents:other/1"), "{missing}");
        assert!(effective.declines("documents", Some("other/1")) && effective.declines("model", None));
        assert!(!effective.declines("documents", Some("board/1")) && !effective.declines("broadcast", None));
    }

    #[test]
    fn what_is_no_grant_is_refused() {
        for bad in ["", "money", "model:x", "hook", "hook:", "documents:a*b", "hook:a**"] {
            assert!(Grant::parse(bad).is_err(), "{bad}");
        }
    }
}
