//! Other settings for the component, without building it again. Rule: the bytes keep their length,
//! so nothing else in the file moves.

use crate::{BLOCK, SETTINGS_MARK};

/// Name of the custom section, which stands before its content.
const SECTION: &str = "modehost:plugin";
/// First line of the plugin.toml. The linker leaves a copy in the data as well; only the one in the
/// custom section counts.
const PACKAGE_MARK: &str = "# MODEHOST-FIXTURE-PACKAGE\n";

/// The component with some settings changed. Keys are the settings:
/// - `id`, `version`, `build`: who it says it is; `build` stands in its answers
/// - `type`, `mode`, `alias`: the message type and the mode that it claims; empty: none
/// - `voice`: `exclusive`, `first-refusal` or `none`
/// - `schema`: the snapshot schema that it gives; `restores`: those that it takes, with `,`
/// - `fail`: a step at which it traps: `describe`, `configure`, `started`, `snapshot`, `restore`;
///   with `!` behind, it gives the error of that step instead
/// - `first`: what it does at the first message, whatever that message asks: as `do`
/// - `timer`: what it does when a timer has run out: as `do`
/// - `attach`, `hello`, `modes`: `1` to subscribe
/// - `speak`: `1` to tell its device of `started`, `upgraded` and `ended`
///
/// and for its plugin.toml:
/// - `grants`, `optional-grants`: lists with `,`
/// - `package-id`, `package-version`: there alone, so that it lies about itself
///
/// `id` and `version` change the plugin.toml as well.
///
/// # Panics
/// If the bytes are not the fixture, a key is unknown, or the settings get too long.
pub fn variant(bytes: &[u8], changes: &[(&str, &str)]) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    let (at, text) = block(&bytes, "", &format!("{SETTINGS_MARK}id="));
    let settings = text.trim_end().trim_start_matches(SETTINGS_MARK);
    let mut settings: Vec<(String, String)> = settings
        .split_terminator(';')
        .map(|pair| pair.split_once('=').expect("key=value"))
        .map(|(key, value)| (key.to_owned(), value.to_owned()))
        .collect();
    let (package_at, package) = block(&bytes, SECTION, PACKAGE_MARK);
    let mut package: Vec<String> = package.trim_end().lines().map(str::to_owned).collect();
    for (key, value) in changes {
        let list = || format!("{:?}", value.split_terminator(',').collect::<Vec<_>>());
        match *key {
            "grants" => set_line(&mut package, "grants", &list()),
            "optional-grants" => set_line(&mut package, "optional_grants", &list()),
            "package-id" => set_line(&mut package, "id", &format!("{value:?}")),
            "package-version" => set_line(&mut package, "version", &format!("{value:?}")),
            key => {
                let setting = settings.iter_mut().find(|(name, _)| name == key);
                setting.unwrap_or_else(|| panic!("no setting {key}")).1 = (*value).to_owned();
                if key == "id" || key == "version" {
                    set_line(&mut package, key, &format!("{value:?}"));
                }
            }
        }
    }
    let settings: String = settings.iter().map(|(key, value)| format!("{key}={value};")).collect();
    write(&mut bytes, at, &format!("{SETTINGS_MARK}{settings}"));
    write(&mut bytes, package_at, &(package.join("\n") + "\n"));
    bytes
}

/// Where a block begins that stands behind `before` and starts with `mark`, and its text.
fn block(bytes: &[u8], before: &str, mark: &str) -> (usize, String) {
    let wanted = [before, mark].concat();
    let at = bytes.windows(wanted.len()).position(|window| window == wanted.as_bytes());
    let at = at.unwrap_or_else(|| panic!("the bytes are not the fixture: no {wanted:?}")) + before.len();
    (at, String::from_utf8(bytes[at..at + BLOCK].to_vec()).expect("UTF-8"))
}

fn set_line(lines: &mut [String], key: &str, value: &str) {
    let line = lines.iter_mut().find(|line| line.starts_with(&format!("{key} = ")));
    *line.unwrap_or_else(|| panic!("no line {key} in the plugin.toml")) = format!("{key} = {value}");
}

fn write(bytes: &mut [u8], at: usize, text: &str) {
    assert!(text.len() <= BLOCK, "settings of more than {BLOCK} bytes: {text}");
    bytes[at..at + BLOCK].fill(b' ');
    bytes[at..at + text.len()].copy_from_slice(text.as_bytes());
}
