//! Validation of a plugin's manifest. Rule: a manifest that passes can be put into the routing table as it is.

use std::collections::HashSet;

use jsonschema::Draft;
use modehost_contract::Manifest;
use modehost_contract::mode_info::ModeInfo;
use modehost_protocol::HostKind;
use serde_json::Value;

use crate::grants::{GrantKind, Requirement};
use crate::limits;
use crate::load::LoadError;
use crate::package::{Package, is_id};

/// Checks a manifest against the file's own plugin.toml and against the rules of the routing table.
pub(crate) fn check(manifest: &Manifest, package: &Package, file: &str) -> Result<(), LoadError> {
    let mismatch = |what, packaged: &str, described: &str| LoadError::Mismatch {
        file: file.to_owned(),
        what,
        packaged: packaged.to_owned(),
        described: described.to_owned(),
    };
    if manifest.id.as_str() != package.id {
        return Err(mismatch("id", &package.id, manifest.id.as_str()));
    }
    if manifest.version != package.version {
        return Err(mismatch("version", &package.version, &manifest.version));
    }
    let asks = |need: Requirement<'_>| package.grants.iter().any(|grant| grant.allows(&need));
    let ungranted = manifest.subscriptions.modes && !asks(GrantKind::SwitchMode.required());
    let ungranted = ungranted.then(|| {
        "it subscribes to `modes` without the grant `switch-mode`; add that to the `grants` of its plugin.toml"
            .to_owned()
    });
    let error = find_error(manifest).or(ungranted);
    error.map_or(Ok(()), |why| Err(LoadError::Manifest { file: file.to_owned(), why }))
}

/// The first error, if any.
fn find_error(manifest: &Manifest) -> Option<String> {
    if !is_id(manifest.id.as_str()) {
        return Some(format!("the id `{}` is not 1 to 64 lower-case letters, digits and `-`", manifest.id));
    }
    if !is_version(&manifest.version) {
        return Some(format!("the version `{}` is not a semantic version such as 1.0.0", manifest.version));
    }
    let mut names = HashSet::new();
    for offer in &manifest.modes {
        for name in std::iter::once(&offer.name).chain(&offer.aliases) {
            if !is_name(name) {
                return Some(format!("the mode name `{name}` is not 1 to 64 bytes without white space"));
            }
            if !names.insert(name) {
                return Some(format!("the mode name `{name}` stands there twice"));
            }
        }
    }
    let mut phrases = HashSet::new();
    for offer in &manifest.modes {
        if let Some(why) = find_offer_error(offer) {
            return Some(format!("the mode `{}` {why}", offer.name));
        }
        if let Some(phrase) = offer.phrases.iter().find(|phrase| !phrases.insert(phrase.as_str())) {
            return Some(format!("the phrase `{phrase}` stands there twice"));
        }
    }
    let mut types = HashSet::new();
    for kind in &manifest.message_types {
        if !is_name(kind) {
            return Some(format!("the message type `{kind}` is not 1 to 64 bytes without white space"));
        }
        if HostKind::of(kind).is_some() {
            return Some(format!("the message type `{kind}` belongs to the server; choose another name"));
        }
        if !types.insert(kind) {
            return Some(format!("the message type `{kind}` stands there twice"));
        }
    }
    if manifest.snapshot_schemas.is_empty() {
        return Some("it lists no snapshot schema; the one that snapshot() gives comes first".to_owned());
    }
    validator(&manifest.config_schema).err()
}

/// What is wrong with how a mode describes itself, if anything.
fn find_offer_error(offer: &ModeInfo) -> Option<String> {
    let chars = offer.description.chars().count();
    if chars > limits::MODE_DESCRIPTION_CHARS {
        let most = limits::MODE_DESCRIPTION_CHARS;
        return Some(format!("has a description of {chars} characters; write one sentence of at most {most}"));
    }
    if !is_line(&offer.description) {
        return Some("has a description with line breaks or white space at its ends; write one sentence".to_owned());
    }
    let count = offer.phrases.len();
    if count > limits::MODE_PHRASES {
        return Some(format!("has {count} phrases; at most {} are taken", limits::MODE_PHRASES));
    }
    let wrong = |phrase: &&String| !is_line(phrase) || !limits::PHRASE_CHARS.contains(&phrase.chars().count());
    let phrase = offer.phrases.iter().find(wrong)?;
    let (least, most) = limits::PHRASE_CHARS.into_inner();
    // Shortened and escaped: it goes into a log.
    let shown: String = phrase.chars().take(limits::PHRASE_CHARS.into_inner().1).collect();
    Some(format!(
        "has the phrase {shown:?}, which is not {least} to {most} characters in one line without white space at its ends"
    ))
}

/// Checks a configuration section. The error names the path and what is wrong there.
pub(crate) fn check_config(manifest: &Manifest, config: &str) -> Result<(), String> {
    let config: Value = serde_json::from_str(config).map_err(|error| format!("it is not JSON: {error}"))?;
    let validator = validator(&manifest.config_schema)?;
    let mut errors = validator.iter_errors(&config).map(|error| {
        let path = error.instance_path().to_string();
        let location = if path.is_empty() { "at its top".to_owned() } else { format!("at {path}") };
        // Masked, because values of settings may be secrets.
        format!("{location}: {}", error.masked_with("it"))
    });
    // Several errors at once save round trips; all of them would bury the first.
    let first_errors: Vec<String> = errors.by_ref().take(5).collect();
    if first_errors.is_empty() { Ok(()) } else { Err(first_errors.join("; ")) }
}

fn validator(schema: &str) -> Result<jsonschema::Validator, String> {
    let schema: Value =
        serde_json::from_str(schema).map_err(|error| format!("its config-schema is not JSON: {error}"))?;
    jsonschema::options()
        .with_draft(Draft::Draft202012)
        .build(&schema)
        .map_err(|error| format!("its config-schema is not a JSON Schema: {error}"))
}

fn is_line(text: &str) -> bool {
    text.trim() == text && !text.chars().any(char::is_control)
}

fn is_name(text: &str) -> bool {
    (1..=64).contains(&text.len()) && !text.chars().any(|c| c.is_whitespace() || c.is_control())
}

/// Three numbers, optionally followed by a part that begins with `-` or `+`.
fn is_version(text: &str) -> bool {
    let core = text.split(['-', '+']).next().unwrap_or_default();
    let numbers: Vec<&str> = core.split('.').collect();
    numbers.len() == 3
        && numbers.iter().all(|number| !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit()))
        && text.len() <= 64
        && text.bytes().all(|b| b.is_ascii_graphic())
}

#[cfg(test)]
mod tests {
    use modehost_contract::VoicePolicy;
    use modehost_contract::mode::Subscriptions;

    use super::*;
    use crate::grants::Grant;

    fn good() -> Manifest {
        Manifest {
            id: "fixture".into(),
            version: "1.0.0".to_owned(),
            modes: vec![ModeInfo {
                name: "a".to_owned(),
                aliases: vec!["b".to_owned()],
                description: "一句话。".to_owned(),
                phrases: vec!["开始".to_owned(), "x".repeat(64)],
            }],
            message_types: vec!["x".to_owned()],
            voice: VoicePolicy::None,
            snapshot_schemas: vec![1],
            config_schema: r#"{"type":"object","properties":{"n":{"type":"integer"}},"additionalProperties":false}"#
                .to_owned(),
            subscriptions: Subscriptions::default(),
        }
    }

    #[test]
    fn what_a_table_cannot_hold_is_refused() {
        assert_eq!(find_error(&good()), None);
        type BreakIt = fn(&mut Manifest);
        let cases: [(&str, BreakIt); 7] = [
            ("id", |m| m.id = "Fixture".into()),
            ("version", |m| m.version = "1.0".to_owned()),
            ("twice", |m| m.modes[0].aliases[0] = "a".to_owned()),
            ("belongs to the server", |m| m.message_types[0] = "hello".to_owned()),
            ("white space", |m| m.message_types[0] = "x y".to_owned()),
            ("snapshot", |m| m.snapshot_schemas.clear()),
            ("JSON Schema", |m| m.config_schema = r#"{"type":7}"#.to_owned()),
        ];
        for (word, break_it) in cases {
            let mut manifest = good();
            break_it(&mut manifest);
            let why = find_error(&manifest).unwrap_or_default();
            assert!(why.contains(word), "{word}: {why}");
        }
    }

    #[test]
    fn what_a_mode_says_of_itself_is_bounded() {
        let phrases = |phrases: &[&str]| phrases.iter().map(|&phrase| phrase.to_owned()).collect::<Vec<_>>();
        let refused = |description: &str, of: &[&str]| {
            let mut manifest = good();
            manifest.modes[0].description = description.to_owned();
            manifest.modes[0].phrases = phrases(of);
            find_error(&manifest)
        };
        let numbered: Vec<String> = (0..17).map(|number| format!("begin {number}")).collect();
        let numbered: Vec<&str> = numbered.iter().map(String::as_str).collect();
        assert_eq!(refused("", &[]), None);
        assert_eq!(refused(&"说".repeat(200), &numbered[..16]), None);
        let form = "which is not 2 to 64 characters in one line without white space at its ends";
        for (description, of, why) in [
            (
                "说".repeat(201),
                vec![],
                "the mode `a` has a description of 201 characters; write one sentence of at most 200".to_owned(),
            ),
            (
                "two\nlines".to_owned(),
                vec![],
                "the mode `a` has a description with line breaks or white space at its ends; write one sentence"
                    .to_owned(),
            ),
            (String::new(), numbered.clone(), "the mode `a` has 17 phrases; at most 16 are taken".to_owned()),
            (String::new(), vec!["说"], format!("the mode `a` has the phrase \"说\", {form}")),
            (String::new(), vec!["ok", " ok"], format!("the mode `a` has the phrase \" ok\", {form}")),
            (String::new(), vec!["a\tb"], format!("the mode `a` has the phrase \"a\\tb\", {form}")),
            (String::new(), vec!["ok", "ok"], "the phrase `ok` stands there twice".to_owned()),
        ] {
            assert_eq!(refused(&description, &of), Some(why));
        }
        let long = "x".repeat(65);
        assert!(refused("", &[&long]).is_some_and(|why| why.contains(form)));
        let mut manifest = good();
        manifest.modes.push(ModeInfo { name: "c".to_owned(), phrases: phrases(&["开始"]), ..ModeInfo::default() });
        assert_eq!(find_error(&manifest).as_deref(), Some("the phrase `开始` stands there twice"));
    }

    #[test]
    fn the_list_of_modes_is_for_those_that_may_begin_one() {
        let mut manifest = good();
        manifest.subscriptions.modes = true;
        let mut package = crate::package::Package {
            id: "fixture".to_owned(),
            version: "1.0.0".to_owned(),
            description: None,
            grants: Vec::new(),
            optional_grants: vec![Grant::parse("switch-mode").expect("a grant")],
            imports: Vec::new(),
            exports: Vec::new(),
            sha256: String::new(),
            size: 0,
        };
        let refused = check(&manifest, &package, "x.wasm").expect_err("refused").to_string();
        assert!(refused.ends_with("add that to the `grants` of its plugin.toml"), "{refused}");
        std::mem::swap(&mut package.grants, &mut package.optional_grants);
        assert!(check(&manifest, &package, "x.wasm").is_ok());
    }

    #[test]
    fn a_section_is_refused_with_its_path() {
        assert_eq!(check_config(&good(), r#"{"n":1}"#), Ok(()));
        let why = check_config(&good(), r#"{"n":"hush"}"#).expect_err("refused");
        assert_eq!(why, "at /n: it is not of type \"integer\"");
        assert!(check_config(&good(), r#"{"m":1}"#).is_err());
    }
}
