//! The settings of the fixture, in static data that tests patch. Rule: always read behind a
//! barrier, or the optimiser would put the values as built into the code.

use std::hint::black_box;

use crate::{BLOCK, SETTINGS_MARK};

/// The settings as they are built; `variant` tells what each is.
const SETTINGS: &str = "MODEHOST-FIXTURE:id=fixture;version=1.0.0;build=a;type=fixture;mode=fixture;alias=;\
voice=exclusive;schema=1;restores=1;fail=;first=;timer=;attach=;hello=;modes=;speak=;";

/// The plugin.toml as it is built.
const PACKAGE: &str = "# MODEHOST-FIXTURE-PACKAGE\nid = \"fixture\"\nversion = \"1.0.0\"\ngrants = []\n\
optional_grants = [\"documents:fixture/\", \"journals:fixture/\", \"broadcast\", \"deliver\", \"dispatch:fixture\"]\n";

static BLOCK_OF_SETTINGS: [u8; BLOCK] = padded(SETTINGS);

/// What stands in the file to be read without running it.
#[unsafe(link_section = "modehost:plugin")]
#[used]
static BLOCK_OF_PACKAGE: [u8; BLOCK] = padded(PACKAGE);

const fn padded(text: &str) -> [u8; BLOCK] {
    let mut block = [b' '; BLOCK];
    let mut at = 0;
    while at < text.len() {
        block[at] = text.as_bytes()[at];
        at += 1;
    }
    block
}

/// The value of a setting; empty if there is none.
pub(crate) fn setting(key: &str) -> &'static str {
    let block: &'static [u8; BLOCK] = black_box(&BLOCK_OF_SETTINGS);
    let text = std::str::from_utf8(block).unwrap_or_default();
    let pairs = text.trim_end().trim_start_matches(SETTINGS_MARK).split_terminator(';');
    pairs.filter_map(|pair| pair.split_once('=')).find(|(name, _)| *name == key).map_or("", |(_, value)| value)
}

/// A list of numbers.
pub(crate) fn numbers(key: &str) -> Vec<u32> {
    setting(key).split_terminator(',').filter_map(|number| number.parse().ok()).collect()
}

/// How a step shall fail.
#[derive(PartialEq, Eq)]
pub(crate) enum Failing {
    Error,
}

/// Traps here if this step shall trap; says so if it shall give an error.
pub(crate) fn failing(step: &str) -> Option<Failing> {
    let fail = setting("fail");
    assert!(fail != step, "traps at {step}, as it was told to");
    (fail.strip_suffix('!') == Some(step)).then_some(Failing::Error)
}

/// The member `label` of the configuration.
pub(crate) fn label(config: &str) -> String {
    let config: serde_json::Value = serde_json::from_str(config).unwrap_or_default();
    config["label"].as_str().unwrap_or_default().to_owned()
}
