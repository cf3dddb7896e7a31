//! Access rules. Rule: the first matching rule decides, and without a match the message is allowed; a list that allows
//! only what it names ends with `{ allow: false }`.

use serde::{Deserialize, Deserializer};

use crate::config::{category, device_id};

/// One rule of `acl`. A part that is left out matches everything.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Rule {
    #[serde(default, deserialize_with = "one_or_several")]
    from: Option<Vec<Selector>>,
    #[serde(default, deserialize_with = "one_or_several")]
    to: Option<Vec<Selector>>,
    #[serde(default, deserialize_with = "one_or_several")]
    category: Option<Vec<Category>>,
    allow: bool,
}

/// Selects devices.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(from = "String")]
pub enum Selector {
    /// `*`.
    Any,
    /// `everyone`: any receiver of a message to everyone.
    Everyone,
    /// `same-group`: a receiver in a group of the sender.
    SameGroup,
    /// `group:<name>`.
    Group(String),
    /// A device id.
    Device(String),
}

/// A normalised category.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(from = "String")]
struct Category(String);

impl From<String> for Selector {
    fn from(word: String) -> Self {
        // Keywords match in any case: an unknown one would become the id of a device that does not exist, and the rule
        // would match nothing. Group names are case-sensitive.
        const GROUP: &str = "group:";
        let word = word.trim();
        match word.to_ascii_lowercase().as_str() {
            "*" => Self::Any,
            "everyone" => Self::Everyone,
            "same-group" => Self::SameGroup,
            lower if lower.starts_with(GROUP) => Self::Group(word[GROUP.len()..].trim().to_owned()),
            _ => Self::Device(device_id(word)),
        }
    }
}

impl From<String> for Category {
    fn from(word: String) -> Self {
        Self(category(&word))
    }
}

/// A sender or receiver, as rules see it.
#[derive(Clone, Debug)]
pub struct Party<'a> {
    /// Empty for an unnamed device.
    pub id: &'a str,
    pub groups: Vec<&'a str>,
}

/// What rules match besides the receiver.
#[derive(Debug)]
pub struct Occasion<'a> {
    pub from: Party<'a>,
    pub category: &'a str,
    /// The message is sent to everyone.
    pub to_everyone: bool,
}

impl Rule {
    /// The selectors of `to`.
    pub fn receivers(&self) -> impl Iterator<Item = &Selector> {
        self.to.iter().flatten()
    }

    fn fits(&self, occasion: &Occasion<'_>, to: &Party<'_>) -> bool {
        fits_any(&self.category, |category| category.0 == occasion.category)
            && fits_any(&self.from, |selector| selector.means(&occasion.from, None))
            && fits_any(&self.to, |selector| selector.means(to, Some(occasion)))
    }
}

impl Selector {
    /// True if it selects this party; `occasion` is given if the party is the receiver.
    fn means(&self, party: &Party<'_>, occasion: Option<&Occasion<'_>>) -> bool {
        match self {
            Self::Any => true,
            Self::Everyone => occasion.is_some_and(|occasion| occasion.to_everyone),
            Self::SameGroup => occasion.is_some_and(|occasion| {
                let senders = &occasion.from.groups;
                party.groups.iter().any(|group| senders.contains(group))
            }),
            Self::Group(name) => party.groups.contains(&name.as_str()),
            Self::Device(id) => party.id == id,
        }
    }
}

/// True if the receiver may get the message.
pub fn allow(rules: &[Rule], occasion: &Occasion<'_>, to: &Party<'_>) -> bool {
    rules.iter().find(|rule| rule.fits(occasion, to)).is_none_or(|rule| rule.allow)
}

fn fits_any<T>(part: &Option<Vec<T>>, fits: impl Fn(&T) -> bool) -> bool {
    part.as_ref().is_none_or(|items| items.iter().any(fits))
}

fn one_or_several<'de, D: Deserializer<'de>, T: Deserialize<'de>>(reader: D) -> Result<Option<Vec<T>>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Items<T> {
        Several(Vec<T>),
        One(T),
    }
    Ok(Some(match Items::deserialize(reader)? {
        Items::Several(items) => items,
        Items::One(item) => vec![item],
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn party<'a>(id: &'a str, groups: &[&'a str]) -> Party<'a> {
        Party { id, groups: groups.to_vec() }
    }

    #[test]
    fn p1_the_first_rule_that_fits_decides() {
        let rules: Vec<Rule> = serde_json::from_str(
            r#"[{"from":"BOSS","allow":true},
                {"to":"everyone","allow":false},
                {"to":["group:quiet","aa:09"],"category":[" Chat ","joke"],"allow":false},
                {"from":"group:guests","to":"same-group","allow":true},
                {"from":"group:guests","allow":false}]"#,
        )
        .expect("rules");
        let boss = party("boss", &["staff"]);
        let ann = party("ann", &["staff"]);
        let guest = party("guest", &["guests"]);
        let quiet = party("q", &["quiet"]);
        let cases = [
            (&boss, &quiet, "chat", true, true),
            (&ann, &boss, "chat", true, false),
            (&ann, &boss, "chat", false, true),
            (&ann, &quiet, "chat", false, false),
            (&ann, &quiet, "task", false, true),
            (&ann, &party("aa:09", &["staff"]), "joke", false, false),
            (&guest, &party("g2", &["x", "guests"]), "task", false, true),
            (&guest, &ann, "task", false, false),
        ];
        for (from, to, category, to_everyone, expected) in cases {
            let occasion = Occasion { from: from.clone(), category, to_everyone };
            assert_eq!(allow(&rules, &occasion, to), expected, "{from:?} to {to:?}, {category}, {to_everyone}");
        }
    }

    #[test]
    fn p1_keywords_are_taken_in_any_case() {
        let cases = [
            (" Everyone ", Selector::Everyone),
            ("SAME-GROUP", Selector::SameGroup),
            ("Group: Quiet ", Selector::Group("Quiet".into())),
            ("GROUP:默认", Selector::Group("默认".into())),
            ("*", Selector::Any),
            ("Groups", Selector::Device("groups".into())),
            ("组:x", Selector::Device("组:x".into())),
        ];
        for (word, expected) in cases {
            assert_eq!(Selector::from(word.to_owned()), expected, "{word}");
        }
    }

    #[test]
    fn p1_without_rules_everything_is_allowed() {
        let occasion = Occasion { from: party("a", &[]), category: "x", to_everyone: true };
        assert!(allow(&[], &occasion, &party("", &["default"])));
    }
}
