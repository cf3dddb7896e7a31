//! The modes that a person or the model can begin. Rule: what is offered comes from the plugins that the server has
//! loaded; the settings only change by which words a mode begins.

use std::collections::BTreeMap;
use std::rc::Rc;

use modehost_sdk::ModeOffer;
use serde::{Deserialize, Serialize};

use crate::{Config, NAMES};

/// Modes that are kept: more would not fit into a question to the model.
const MODES: usize = 64;
/// Bytes of all phrases that are kept, in the order of the names; modes beyond are begun by their names. They are part
/// of the state, and read with every utterance.
const PHRASE_BYTES: usize = 16 * 1024;

/// The modes of other plugins, as they offer them. Shared with the copy that the SDK makes before each event.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Offered(Rc<Vec<ModeOffer>>);

/// A mode that can be begun.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Startable {
    /// What it is for; may be empty.
    pub description: String,
    /// What people say to begin it.
    pub phrases: Vec<String>,
}

/// All modes that can be begun, by name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Modes(BTreeMap<String, Startable>);

impl Offered {
    /// What is kept of the modes of the server: this mode itself is left out.
    pub fn of(modes: Vec<ModeOffer>) -> Self {
        let mut left = PHRASE_BYTES;
        let others = modes.into_iter().filter(|mode| !NAMES.contains(&mode.name.as_str())).take(MODES);
        let kept = others.map(|mut mode| {
            let bytes: usize = mode.phrases.iter().map(String::len).sum();
            if bytes > left {
                mode.phrases.clear();
            } else {
                left -= bytes;
            }
            // They are names for devices.
            mode.aliases.clear();
            mode
        });
        Self(Rc::new(kept.collect()))
    }

    /// True before the server has told of any.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl Modes {
    /// The modes that are offered, with the phrases of the settings in place of their own, and those that only the
    /// settings name. A mode without phrases begins by its name, unless the settings say that it has none.
    pub fn of(offered: &Offered, config: &Config) -> Self {
        let offers = offered.0.iter().map(|offer| {
            let phrases = if offer.phrases.is_empty() { named(&offer.name) } else { offer.phrases.clone() };
            (offer.name.clone(), Startable { description: offer.description.clone(), phrases })
        });
        let mut modes: BTreeMap<String, Startable> = offers.collect();
        for (name, phrases) in &config.modes {
            modes.entry(name.clone()).or_default().phrases.clone_from(phrases);
        }
        Self(modes)
    }

    /// Names and modes, in the order of the names.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Startable)> {
        self.0.iter().map(|(name, mode)| (name.as_str(), mode))
    }

    /// What people say to begin this mode; none if there is no such mode.
    pub fn phrases(&self, name: &str) -> Option<&[String]> {
        self.0.get(name).map(|mode| mode.phrases.as_slice())
    }

    /// True if none can be begun.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// What begins a mode that says nothing of it.
fn named(name: &str) -> Vec<String> {
    let words = name.replace(['-', '_'], " ");
    vec![format!("{words} mode"), format!("{words}模式")]
}

/// The modes that come with the server, as they offer themselves.
#[cfg(test)]
pub(crate) fn bundled() -> Offered {
    use modehost_sdk::Mode;
    let described = [coding::Coding::describe(), meeting::Meeting::describe(), working::Working::describe()];
    Offered::of(described.iter().flat_map(|described| described.modes().to_vec()).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn offer(name: &str, phrases: &[&str]) -> ModeOffer {
        let phrases = phrases.iter().map(|&phrase| phrase.to_owned()).collect();
        ModeOffer { name: name.to_owned(), aliases: vec!["other".to_owned()], description: "D.".to_owned(), phrases }
    }

    #[test]
    fn the_settings_go_before_what_a_mode_offers() {
        let offered =
            Offered::of(vec![offer("a", &["begin a"]), offer("b-c", &[]), offer("chat", &[]), offer("d", &["d!"])]);
        let text = r#"{"modes":{"a":["go"],"d":[],"e":["begin e"]}}"#;
        let modes = Modes::of(&offered, &serde_json::from_str(text).expect("a configuration"));
        let listed: Vec<(&str, &str, Vec<&str>)> = modes
            .iter()
            .map(|(name, mode)| (name, mode.description.as_str(), mode.phrases.iter().map(String::as_str).collect()))
            .collect();
        let expected = [
            ("a", "D.", vec!["go"]),
            ("b-c", "D.", vec!["b c mode", "b c模式"]),
            ("d", "D.", vec![]),
            ("e", "", vec!["begin e"]),
        ];
        assert_eq!(listed, expected);
    }

    #[test]
    fn what_is_kept_is_bounded() {
        let long = "说".repeat(64);
        let many: Vec<ModeOffer> =
            (0..200).map(|number| offer(&format!("m{number:03}"), &[long.as_str(); 16])).collect();
        let offered = Offered::of(many);
        let bytes: usize = offered.0.iter().flat_map(|mode| &mode.phrases).map(String::len).sum();
        assert!(bytes <= PHRASE_BYTES && bytes > PHRASE_BYTES / 2, "{bytes}");
        assert_eq!(offered.0.len(), MODES);
        let modes = Modes::of(&offered, &Config::default());
        assert_eq!(modes.phrases("m063").map(<[String]>::len), Some(2), "it begins by its name");
    }
}
