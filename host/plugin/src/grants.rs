//! What plugins may do beyond talking to their own device. Rule: a plugin has what it asks for in
//! its package and what the operator grants in the configuration, and nothing else.

use std::fmt;

/// Declares the kinds of grants: each with its name and what its argument is, in the order in which messages list
/// them.
macro_rules! kinds {
    ($($kind:ident = $name:literal, $argument:ident;)+) => {
        /// What a grant is for.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub(crate) enum GrantKind {
            $($kind,)+
        }

        impl GrantKind {
            /// All of them.
            const ALL: [Self; [$(Self::$kind),+].len()] = [$(Self::$kind),+];

            /// As packages and configurations write it.
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

/// What stands behind the `:` of a grant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Argument {
    /// Nothing, and no `:`.
    None,
    /// A prefix of the key.
    Prefix,
    /// The whole name, or its beginning with `*` behind it.
    Name,
}

impl GrantKind {
    fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }

    fn takes_argument(self) -> bool {
        self.argument() != Argument::None
    }

    /// The need of a kind whose grants have no argument.
    pub(crate) fn alone<'a>(self) -> Need<'a> {
        Need { kind: self, argument: None }
    }

    /// The need of one key or name.
    pub(crate) fn of(self, argument: &str) -> Need<'_> {
        Need { kind: self, argument: Some(argument) }
    }
}

/// One grant: `model`, `documents:board/`, `hook:crm`, `dispatch:*`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Grant {
    kind: GrantKind,
    argument: Option<String>,
}

impl Grant {
    /// Reads a grant.
    ///
    /// # Errors
    /// A sentence that says what is wrong, naming what there is.
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

    /// True if whatever the other allows is allowed by this one too.
    pub fn covers(&self, other: &Self) -> bool {
        if self.kind != other.kind {
            return false;
        }
        match (&self.argument, &other.argument) {
            (Some(own), Some(asked)) => {
                let open_asked = self.kind.argument() == Argument::Prefix || asked.ends_with('*');
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
    fn allows(&self, need: &Need<'_>) -> bool {
        if self.kind != need.kind {
            return false;
        }
        match (&self.argument, need.argument) {
            (Some(own), Some(wanted)) => match self.open_prefix(own) {
                Some(prefix) => wanted.starts_with(prefix),
                None => own == wanted,
            },
            _ => true,
        }
    }

    /// The prefix that the argument stands for, if it stands for more than itself.
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

/// What an effect has to be granted: one thing of a kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Need<'a> {
    pub(crate) kind: GrantKind,
    /// The key or name that the grant has to cover; none where grants of the kind have no argument.
    pub(crate) argument: Option<&'a str>,
}

impl fmt::Display for Need<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.argument {
            Some(argument) => write!(f, "{}:{argument}", self.kind.name()),
            None => f.write_str(self.kind.name()),
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

    /// True if nothing that would be welcome is missing.
    pub(crate) fn are_whole(&self) -> bool {
        self.declined.is_empty()
    }

    /// True if the effect may be carried out.
    pub(crate) fn allow(&self, need: &Need<'_>) -> bool {
        self.effective.iter().any(|grant| grant.allows(need))
    }

    /// True for what the plugin would welcome and the operator has not granted.
    pub(crate) fn decline(&self, need: &Need<'_>) -> bool {
        self.declined.iter().any(|grant| grant.allows(need)) && !self.allow(need)
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
        let documents = |key| GrantKind::Documents.of(key);
        assert!(effective.allow(&documents("board/1")) && !effective.allow(&documents("other/1")));
        assert_eq!(documents("other/1").to_string(), "documents:other/1");
        assert!(effective.decline(&documents("other/1")) && effective.decline(&GrantKind::Model.alone()));
        assert!(!effective.decline(&documents("board/1")) && !effective.decline(&GrantKind::Broadcast.alone()));
    }

    #[test]
    fn what_is_no_grant_is_refused() {
        for bad in ["", "money", "model:x", "hook", "hook:", "documents:a*b", "hook:a**"] {
            assert!(Grant::parse(bad).is_err(), "{bad}");
        }
    }
}
