//! Resolves the target of a message to an audience of the host. Rule: each device named by the configuration or by a
//! rule is checked on its own, all others as one unnamed device; so no form of a target reaches a device that the rules
//! exclude.

use std::cell::OnceCell;
use std::collections::{BTreeMap, BTreeSet};

use modehost_sdk::{Audience, Device};

use crate::config::{Config, DEFAULT_GROUP};
use crate::request::Target;
use crate::rules::{Occasion, Party, Selector, allow};

/// The reason in a receipt if the rules exclude the device.
pub const NOT_ALLOWED: &str = "not allowed by the access rules";

/// A target that does not get the message, with the reason.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Refused {
    pub to: String,
    pub reason: String,
}

impl Refused {
    fn new(to: &str, reason: impl Into<String>) -> Self {
        Self { to: to.to_owned(), reason: reason.into() }
    }
}

/// Where a message goes.
#[derive(Debug, PartialEq)]
pub struct Route {
    /// None if no device may get it.
    pub to: Option<Audience>,
    /// Devices of `to` that may not get it.
    pub except: Vec<String>,
    pub refused: Vec<Refused>,
}

/// Resolves the target and applies the access rules.
pub fn route(target: &Target, category: &str, sender: &Device, config: &Config) -> Route {
    let from = Party { id: &sender.id, groups: sender.groups.iter().map(String::as_str).collect() };
    let occasion = Occasion { from, category, to_everyone: *target == Target::Everyone };
    let judge = Judge { config, sender, occasion, groups_of: OnceCell::new() };
    match target {
        Target::Devices(words) => judge.devices(words),
        Target::Everyone => judge.many(target, Audience::Everyone, judge.named(), Some(DEFAULT_GROUP)),
        Target::Group(name) => judge.group(target, name),
    }
}

struct Judge<'a> {
    config: &'a Config,
    sender: &'a Device,
    occasion: Occasion<'a>,
    /// The groups of each device, computed on first use: searching all groups for each device would be quadratic.
    groups_of: OnceCell<BTreeMap<&'a str, Vec<&'a str>>>,
}

impl<'a> Judge<'a> {
    fn devices(&self, words: &[String]) -> Route {
        let (mut devices, mut refused) = (Vec::new(), Vec::new());
        let mut seen = BTreeSet::new();
        for word in words {
            match self.config.device_called(word) {
                Err(why) => refused.push(Refused::new(word, why)),
                Ok(device) if !seen.insert(device.clone()) => {}
                Ok(device) if self.allows(&device) => devices.push(device),
                Ok(device) => refused.push(Refused::new(&device, NOT_ALLOWED)),
            }
        }
        let to = (!devices.is_empty()).then_some(Audience::Devices(devices));
        Route { to, except: Vec::new(), refused }
    }

    fn group(&self, target: &Target, name: &str) -> Route {
        let whole = Audience::Group(name.to_owned());
        let config = self.config;
        match config.groups().get(name) {
            Some(members) => self.many(target, whole, members.iter().map(String::as_str).collect(), None),
            None if name == DEFAULT_GROUP => {
                let named = self.named().into_iter().filter(|device| self.groups_of(device) == [DEFAULT_GROUP]);
                self.many(target, whole, named.collect(), Some(DEFAULT_GROUP))
            }
            // No groups are shared with this plugin, so only the host knows the members.
            None if config.groups().is_empty() => self.many(target, whole, self.named(), Some(name)),
            None => {
                Route { to: None, except: Vec::new(), refused: vec![Refused::new(&target.label(), "no such group")] }
            }
        }
    }

    /// An audience with the devices `named`. All its other devices, if there can be any, count as members of the group
    /// `strangers`.
    fn many(&self, target: &Target, whole: Audience, named: BTreeSet<&str>, strangers: Option<&str>) -> Route {
        if self.config.acl.is_empty() {
            return Route { to: Some(whole), except: Vec::new(), refused: Vec::new() };
        }
        let others = named.into_iter().filter(|device| *device != self.sender.id);
        let (open, closed): (Vec<&str>, Vec<&str>) = others.partition(|device| self.allows(device));
        let mut refused: Vec<Refused> = closed.iter().map(|device| Refused::new(device, NOT_ALLOWED)).collect();
        let strangers_may = strangers.is_none_or(|group| self.allows_party(&Party { id: "", groups: vec![group] }));
        if strangers_may && (strangers.is_some() || !open.is_empty() || closed.is_empty()) {
            let except = closed.into_iter().map(str::to_owned).collect();
            return Route { to: Some(whole), except, refused };
        }
        if strangers.is_some() {
            refused.push(Refused::new(&target.label(), NOT_ALLOWED));
        }
        let open: Vec<String> = open.into_iter().map(str::to_owned).collect();
        Route { to: (!open.is_empty()).then_some(Audience::Devices(open)), except: Vec::new(), refused }
    }

    /// Every device named by the configuration or by the `to` of a rule.
    fn named(&self) -> BTreeSet<&'a str> {
        let config = self.config;
        let listed = config.groups().values().flatten().chain(config.device_alias.keys()).map(String::as_str);
        let ruled = config.acl.iter().flat_map(|rule| rule.receivers()).filter_map(|selector| match selector {
            Selector::Device(id) => Some(id.as_str()),
            _ => None,
        });
        listed.chain(ruled).collect()
    }

    fn groups_of(&self, device: &str) -> Vec<&'a str> {
        if device == self.sender.id {
            return self.sender.groups.iter().map(String::as_str).collect();
        }
        let all = self.groups_of.get_or_init(|| {
            let mut all: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
            for (name, devices) in self.config.groups() {
                for device in devices {
                    all.entry(device).or_default().push(name);
                }
            }
            all
        });
        all.get(device).cloned().unwrap_or_else(|| vec![DEFAULT_GROUP])
    }

    fn allows(&self, device: &str) -> bool {
        self.config.acl.is_empty() || self.allows_party(&Party { id: device, groups: self.groups_of(device) })
    }

    fn allows_party(&self, to: &Party<'_>) -> bool {
        allow(&self.config.acl, &self.occasion, to)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GROUPS: &str = r#""groups":{"red":["r1","r2","r3"],"blue":["b1"]},"device_alias":{"d1":"Office"}"#;

    fn ask(acl: &str, target: &Target) -> Route {
        let config: Config = serde_json::from_str(&format!(r#"{{"acl":{acl},{GROUPS}}}"#)).expect("a section");
        let sender = Device { id: "r1".into(), alias: None, groups: vec!["red".into()] };
        route(target, "chat", &sender, &config)
    }

    fn refused(route: &Route) -> Vec<&str> {
        route.refused.iter().map(|refused| refused.to.as_str()).collect()
    }

    fn devices(words: &[&str]) -> Option<Audience> {
        Some(Audience::Devices(words.iter().map(|&word| word.to_owned()).collect()))
    }

    #[test]
    fn p1_everyone_without_the_devices_that_rules_close() {
        let found = ask(r#"[{"to":["R2","x9"],"allow":false}]"#, &Target::Everyone);
        assert_eq!(found.to, Some(Audience::Everyone));
        assert_eq!(found.except, ["r2", "x9"]);
        assert_eq!(refused(&found), ["r2", "x9"]);
    }

    #[test]
    fn p1_everyone_where_strangers_are_closed_is_a_list() {
        let found = ask(r#"[{"to":"same-group","allow":true},{"allow":false}]"#, &Target::Everyone);
        assert_eq!(found.to, devices(&["r2", "r3"]));
        assert_eq!((found.except.len(), refused(&found)), (0, vec!["b1", "d1", "*"]));
        let none = ask(r#"[{"allow":false}]"#, &Target::Everyone);
        assert_eq!(none.to, None);
    }

    #[test]
    fn p1_groups() {
        let red = Target::Group("red".into());
        assert_eq!(ask("[]", &red).to, Some(Audience::Group("red".into())));
        let found = ask(r#"[{"to":"r3","allow":false}]"#, &red);
        assert_eq!((found.to.as_ref(), &found.except), (Some(&Audience::Group("red".into())), &vec!["r3".to_owned()]));
        let found = ask(r#"[{"to":"group:red","allow":false}]"#, &red);
        assert_eq!((found.to.as_ref(), refused(&found)), (None, vec!["r2", "r3"]));
        let unknown = ask("[]", &Target::Group("green".into()));
        assert_eq!((unknown.to.as_ref(), refused(&unknown)), (None, vec!["group:green"]));
        // d1 and all unnamed devices are in no group.
        let default = Target::Group("default".into());
        let found = ask(r#"[{"to":"d1","allow":false}]"#, &default);
        assert_eq!(
            (found.to.as_ref(), &found.except),
            (Some(&Audience::Group("default".into())), &vec!["d1".to_owned()])
        );
        let found = ask(r#"[{"to":"d1","allow":true},{"to":"group:default","allow":false}]"#, &default);
        assert_eq!((found.to.clone(), refused(&found)), (devices(&["d1"]), vec!["group:default"]));
    }

    #[test]
    fn p1_devices_by_id_and_name() {
        let target = Target::Devices(vec!["Office".into(), "d1".into(), "B1".into(), "new".into()]);
        let found = ask(r#"[{"to":"group:blue","allow":false}]"#, &target);
        assert_eq!((found.to.clone(), refused(&found)), (devices(&["d1", "new"]), vec!["b1"]));
    }

    #[test]
    fn four_times_as_many_devices_take_about_four_times_as_long() {
        let time = |count: usize| {
            let groups: BTreeMap<String, Vec<String>> =
                (0..count).map(|number| (format!("g{number}"), vec![format!("d{number}")])).collect();
            let section = serde_json::json!({ "acl": [{ "to": "x", "allow": false }], "groups": groups });
            let config: Config = serde_json::from_value(section).expect("a section");
            let sender = Device { id: "d0".into(), alias: None, groups: vec!["g0".into()] };
            let once = |_| {
                let began = std::time::Instant::now();
                assert_eq!(route(&Target::Everyone, "chat", &sender, &config).to, Some(Audience::Everyone));
                began.elapsed()
            };
            (0..9).map(once).min().unwrap_or_default()
        };
        let (few, many) = (time(4_000), time(16_000));
        // Quadratic time would be a factor of 16.
        assert!(many < few * 8, "{few:?}, then {many:?}");
    }
}
