//! What a node does about one plugin. Rule: what has changed here since this node and the cluster agreed is told to the
//! cluster; where the cluster has changed since, it is followed, whatever has changed here.

use modehost_storage::traits::ComponentRecord;
use serde::{Deserialize, Serialize};

/// The plugin's file on this node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Local {
    /// There is none, and the plugin does not serve.
    Absent,
    /// It is being loaded, or was refused; or it is gone and the plugin still serves. With its digest, if there is a file.
    Unsettled(Option<String>),
    /// It serves, or was taken back and another version serves instead.
    Settled(Version),
}

/// Which version of a plugin is to serve.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Version {
    /// SHA-256 of the file in hex.
    pub sha256: String,
    /// SHA-256 of the version that serves instead, since that one was taken back.
    pub instead: Option<String>,
}

/// What this node and the cluster had when they last had the same.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Agreed {
    /// `None`: no file.
    pub version: Option<Version>,
    /// Revision of the record.
    pub revision: u64,
}

/// What a node does next about a plugin.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// Both have the same.
    Agree,
    /// The file is being loaded; or it was refused, and somebody has to do something.
    Wait,
    /// Put the file with this digest in place.
    Fetch(String),
    /// Let the version before serve; if there is none here, fetch this one.
    TakeBack(String),
    /// Let the version serve that was taken back.
    Reload,
    /// Remove the file.
    Remove,
    /// Tell the cluster what this node has; `None`: the plugin is removed.
    Publish(Option<Version>),
}

/// What the record of the cluster says.
fn version(record: &ComponentRecord) -> Option<Version> {
    let sha256 = record.sha256.clone()?;
    Some(Version { sha256, instead: record.instead.clone() })
}

/// Decides, by what there is on this node, what it agreed on with the cluster last, and what the cluster has.
pub fn decide(local: &Local, agreed: Option<&Agreed>, record: Option<&ComponentRecord>) -> Step {
    let Some(record) = record else {
        return match local {
            Local::Settled(version) => Step::Publish(Some(version.clone())),
            Local::Unsettled(_) => Step::Wait,
            Local::Absent => Step::Agree,
        };
    };
    let wanted = version(record);
    if is_same(local, wanted.as_ref()) {
        return Step::Agree;
    }
    let file = match local {
        Local::Absent => None,
        Local::Unsettled(file) => file.as_ref(),
        Local::Settled(version) => Some(&version.sha256),
    };
    if agreed.is_some_and(|agreed| agreed.revision == record.revision) {
        return match local {
            Local::Settled(version) => Step::Publish(Some(version.clone())),
            Local::Unsettled(_) => Step::Wait,
            Local::Absent => Step::Publish(None),
        };
    }
    match (wanted, file) {
        (None, Some(_)) => Step::Remove,
        (None, None) => Step::Agree,
        (Some(Version { sha256, instead }), Some(file)) if *file == sha256 => match (local, instead) {
            (Local::Settled(_), Some(instead)) => Step::TakeBack(instead),
            (Local::Settled(_), None) => Step::Reload,
            (_, Some(instead)) => Step::Fetch(instead),
            (_, None) => Step::Wait,
        },
        (Some(Version { instead: Some(instead), .. }), Some(file)) if *file == instead => Step::Wait,
        (Some(Version { sha256, instead }), _) => Step::Fetch(instead.unwrap_or(sha256)),
    }
}

fn is_same(local: &Local, wanted: Option<&Version>) -> bool {
    match (local, wanted) {
        (Local::Absent, None) => true,
        (Local::Settled(local), Some(wanted)) => {
            let serves_instead = local.instead.is_none() && wanted.instead.as_ref() == Some(&local.sha256);
            let both_back = local.sha256 == wanted.sha256 && local.instead.is_some() == wanted.instead.is_some();
            serves_instead || both_back
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settled(sha256: &str, instead: Option<&str>) -> Local {
        Local::Settled(of(sha256, instead))
    }

    fn of(sha256: &str, instead: Option<&str>) -> Version {
        Version { sha256: sha256.to_owned(), instead: instead.map(str::to_owned) }
    }

    fn record(sha256: Option<&str>, instead: Option<&str>, revision: u64) -> ComponentRecord {
        let [sha256, instead] = [sha256, instead].map(|digest| digest.map(str::to_owned));
        ComponentRecord { plugin: "p".to_owned(), file: "p.wasm".to_owned(), sha256, instead, revision }
    }

    fn agreed(sha256: Option<&str>, revision: u64) -> Agreed {
        Agreed { version: sha256.map(|sha256| of(sha256, None)), revision }
    }

    #[test]
    fn what_is_new_here_is_told() {
        let loading = Local::Unsettled(Some("new".to_owned()));
        assert_eq!(decide(&loading, None, None), Step::Wait);
        assert_eq!(decide(&settled("new", None), None, None), Step::Publish(Some(of("new", None))));
        let (before, old) = (agreed(Some("old"), 3), record(Some("old"), None, 3));
        assert_eq!(decide(&loading, Some(&before), Some(&old)), Step::Wait);
        assert_eq!(decide(&settled("new", None), Some(&before), Some(&old)), Step::Publish(Some(of("new", None))));
        // It was taken back here, and let serve again.
        let back = settled("old", Some("older"));
        assert_eq!(decide(&back, Some(&before), Some(&old)), Step::Publish(Some(of("old", Some("older")))));
        let (before, taken) =
            (Agreed { version: Some(of("old", Some("older"))), revision: 4 }, record(Some("old"), Some("older"), 4));
        assert_eq!(decide(&back, Some(&before), Some(&taken)), Step::Agree);
        assert_eq!(decide(&settled("old", None), Some(&before), Some(&taken)), Step::Publish(Some(of("old", None))));
        assert_eq!(decide(&Local::Absent, Some(&before), Some(&taken)), Step::Publish(None));
        // The directory is being replaced.
        assert_eq!(decide(&Local::Unsettled(None), Some(&before), Some(&taken)), Step::Wait);
    }

    #[test]
    fn what_is_new_in_the_cluster_is_followed() {
        for before in [None, Some(agreed(Some("old"), 3))] {
            let decide = |local: &Local, record: &ComponentRecord| decide(local, before.as_ref(), Some(record));
            for local in [Local::Absent, settled("old", None), Local::Unsettled(Some("other".to_owned()))] {
                assert_eq!(decide(&local, &record(Some("new"), None, 5)), Step::Fetch("new".to_owned()), "{local:?}");
            }
            assert_eq!(decide(&Local::Unsettled(Some("new".to_owned())), &record(Some("new"), None, 5)), Step::Wait);
            assert_eq!(decide(&settled("new", None), &record(Some("new"), None, 5)), Step::Agree);
            // Taken back there: here, too, and whoever never had it gets what serves instead.
            let taken = record(Some("new"), Some("old"), 6);
            assert_eq!(decide(&settled("new", None), &taken), Step::TakeBack("old".to_owned()));
            assert_eq!(decide(&settled("new", Some("old")), &taken), Step::Agree);
            assert_eq!(decide(&settled("old", None), &taken), Step::Agree);
            assert_eq!(decide(&Local::Absent, &taken), Step::Fetch("old".to_owned()));
            assert_eq!(decide(&settled("new", Some("old")), &record(Some("new"), None, 7)), Step::Reload);
            // Removed there.
            assert_eq!(decide(&settled("new", None), &record(None, None, 8)), Step::Remove);
            assert_eq!(decide(&Local::Absent, &record(None, None, 8)), Step::Agree);
        }
    }

    #[test]
    fn of_two_changes_at_once_the_one_in_the_log_holds() {
        let before = agreed(Some("old"), 3);
        let there = record(Some("theirs"), None, 4);
        assert_eq!(decide(&settled("ours", None), Some(&before), Some(&there)), Step::Fetch("theirs".to_owned()));
        assert_eq!(decide(&Local::Absent, Some(&before), Some(&there)), Step::Fetch("theirs".to_owned()));
    }
}
