//! Grants: what plugins may do beyond talking to their own device. Rule: a plugin has the grants that its package
//! requests and the operator's configuration allows, and no others.

use std::fmt;

/// Declares the kinds of grants, each with its name and its kind of argument, in the order in which error messages list
/// them.
macro_rules! kinds {
    ($($kind:ident = $name:literal, $argument:ident;)+) => {
        /// What a grant is for.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub(crate) enum GrantKind {
            $($kind,)+
        }

        impl GrantKind {
            /// All kinds.
            const ALL: [Self; [$(Self::$kind),+].len()] = [$(Self::$kind),+];

            /// The name used in packages and configuration.
            pub(crate) fn name(self) -> &'static str {
                match self {
                    $(Self::$kind => $name,)+
                }
            }

            fn argument(self) -> Argument {
                match self {
                    $(Self::$kind => Argument::$argument,)+
                }
            }
        }
    };
}

kinds! {
    Model = "model", None;
    Tools = "tools", None;
    Broadcast = "broadcast", None;
    Deliver = "deliver", None;
    SwitchMode = "switch-mode", None;
    Documents = "documents", Prefix;
    Journals = "journals", Prefix;
    Archive = "archive", Name;
    Hook = "hook", Name;
    Dispatch = "dispatch", Name;
}

/// The argument after the `:` of a grant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Argument {
    /// None, and no `:`.
    None,
    /// A key prefix.
    Prefix,
    /// An exact name, or a prefix followed by `*`.
    Name,
}

impl GrantKind {
    fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }

    fn takes_argument(self) -> bool {
        self.argument() != Argument::None
    }

    /// The requirement of a kind without argument.
    pub(crate) fn required<'a>(self) -> Requirement<'a> {
        Requirement { kind: self, argument: None }
    }

    /// The requirement of one key or name.
    pub(crate) fn required_for(self, argument: &str) -> Requirement<'_> {
        Requirement { kind: self, argument: Some(argument) }
    }
}

/// One grant: `model`, `documents:board/`, `hook:crm`, `dispatch:*`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Grant {
    kind: GrantKind,
    argument: Option<String>,
}

impl Grant {
    /// Parses a grant.
    ///
    /// # Errors
    /// A sentence that says what is wrong and lists the valid kinds.
    pub fn parse(text: &str) -> Result<Self, String> {
        let (name, argument) = match text.split_once(':') {
            Some((name, argument)) => (name, Some(argument)),
            None => (text, None),
        };
        let Some(kind) = GrantKind::parse(name) else {
            let names = |with_argument: bool| {
                let kinds = GrantKind::ALL.into_iter().filter(move |kind| kind.takes_argument() == with_argument);
                kinds.map(GrantKind::name).collect::<Vec<_>>()
            };
            return Err(format!(
                "`{text}` is not a grant; there are {}, and with an argument {}",
                names(false).join(", "),
                names(true).join(":…, ") + ":…"
            ));
        };
        match argument {
            Some(_) if !kind.takes_argument() => {
                Err(format!("the grant `{name}` takes no argument, but `{text}` has one"))
            }
            Some("") | None if kind.takes_argument() => {
                Err(format!("the grant `{name}` needs an argument, such as `{name}:name`, or `{name}:*` for all"))
            }
            Some(argument) if argument.trim_end_matches('*').contains('*') || argument.ends_with("**") => {
                Err(format!("in `{text}` a `*` may only stand at the end"))
            }
            _ => Ok(Self { kind, argument: argument.map(str::to_owned) }),
        }
    }

    /// True if this grant allows everything that the other one allows.
    pub fn covers(&self, other: &Self) -> bool {
        if self.kind != other.kind {
            return false;
        }
        match (&self.argument, &other.argument) {
            (Some(granted), Some(requested)) => {
                let requested_is_prefix = self.kind.argument() == Argument::Prefix || requested.ends_with('*');
                let requested = requested.trim_end_matches('*');
                match self.open_prefix(granted) {
                    Some(prefix) => requested.starts_with(prefix),
                    None => !requested_is_prefix && granted == requested,
                }
            }
            _ => true,
        }
    }

    /// True if the grant satisfies this requirement.
    pub(crate) fn allows(&self, need: &Requirement<'_>) -> bool {
        if self.kind != need.kind {
            return false;
        }
        match (&self.argument, need.argument) {
            (Some(granted), Some(name)) => match self.open_prefix(granted) {
                Some(prefix) => name.starts_with(prefix),
                None => granted == name,
            },
            _ => true,
        }
    }

    /// The prefix that the argument stands for; `None` if it is an exact name.
    fn open_prefix<'a>(&self, argument: &'a str) -> Option<&'a str> {
        let open = self.kind.argument() == Argument::Prefix || argument.ends_with('*');
        open.then(|| argument.trim_end_matches('*'))
    }
}

impl fmt::Display for Grant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.argument {
            Some(argument) => write!(f, "{}:{argument}", self.kind.name()),
            None => f.write_str(self.kind.name()),
        }
    }
}

/// The grant that an effect requires: one kind, for one key or name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Requirement<'a> {
    pub(crate) kind: GrantKind,
    /// The key or name to be covered; `None` for kinds without argument.
    pub(crate) argument: Option<&'a str>,
}

impl fmt::Display for Requirement<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.argument {
            Some(argument) => write!(f, "{}:{argument}", self.kind.name()),
            None => f.write_str(self.kind.name()),
        }
    }
}

/// The effective grants of one plugin.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Grants {
    effective: Vec<Grant>,
    /// Optional grants that were not granted, or only in part.
    withheld: Vec<Grant>,
}

impl Grants {
    /// Effective grants of a plugin. The error is every required grant that the configured ones do not cover.
    pub(crate) fn intersect(required: &[Grant], optional: &[Grant], configured: &[Grant]) -> Result<Self, Vec<Grant>> {
        let (mut effective, mut withheld): (Vec<Grant>, Vec<Grant>) = Default::default();
        let is_missing = |grant: &&Grant| !configured.iter().any(|have| have.covers(grant));
        let missing: Vec<Grant> = required.iter().filter(is_missing).cloned().collect();
        if !missing.is_empty() {
            return Err(missing);
        }
        effective.extend_from_slice(required);
        for grant in optional {
            if configured.iter().any(|have| have.covers(grant)) {
                effective.push(grant.clone());
            } else {
                withheld.push(grant.clone());
                // The operator may grant a part of an optional grant.
                effective.extend(configured.iter().filter(|have| grant.covers(have)).cloned());
            }
        }
        effective.sort_by_key(Grant::to_string);
        effective.dedup();
        Ok(Self { effective, withheld })
    }

    /// True if every optional grant was granted in full.
    pub(crate) fn are_complete(&self) -> bool {
        self.withheld.is_empty()
    }

    /// True if an effect with this requirement is allowed.
    pub(crate) fn allow(&self, need: &Requirement<'_>) -> bool {
        self.effective.iter().any(|grant| grant.allows(need))
    }

    /// True if the plugin requested this as optional and the operator has not granted it.
    pub(crate) fn is_withheld(&self, need: &Requirement<'_>) -> bool {
        self.withheld.iter().any(|grant| grant.allows(need)) && !self.allow(need)
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
        let missing = Grants::intersect(&grants(&["broadcast", "model", "deliver"]), &[], &configured);
        assert_eq!(missing, Err(grants(&["broadcast", "deliver"])), "all that are missing, at once");
    }

    #[test]
    fn of_what_is_optional_the_granted_part_is_taken() {
        let requested = grants(&["documents:*", "model"]);
        let effective = Grants::intersect(&[], &requested, &grants(&["documents:board/"])).expect("grants");
        assert_eq!(effective.to_texts(), ["documents:board/"]);
        let documents = |key| GrantKind::Documents.required_for(key);
        assert!(effective.allow(&documents("board/1")) && !effective.allow(&documents("other/1")));
        assert_eq!(documents("other/1").to_string(), "documents:other/1");
        assert!(effective.is_withheld(&documents("other/1")) && effective.is_withheld(&GrantKind::Model.required()));
        assert!(
            !effective.is_withheld(&documents("board/1")) && !effective.is_withheld(&GrantKind::Broadcast.required())
        );
    }

    #[test]
    fn what_is_no_grant_is_refused() {
        for bad in ["", "money", "model:x", "hook", "hook:", "documents:a*b", "hook:a**"] {
            assert!(Grant::parse(bad).is_err(), "{bad}");
        }
    }
}
