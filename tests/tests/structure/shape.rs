//! The shape of types and files. Rule: methods of a type stand where its type stands, a type holds what it needs
//! together, and files of a crate do not know each other in circles; what is not there yet is named in a list.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use super::{code, host_manifests, is_name, none, read, shown};

/// Fields that a struct may have, outside configuration and messages.
const FIELDS: usize = 12;

/// Fields that the loop of a session may have; see host/session/src/actor.rs.
const SESSION_FIELDS: usize = 10;

/// The parts of a session, which do not know each other.
const PARTS: [&str; 6] = ["presence", "roles", "input", "output", "persistence", "tools"];

/// Structs with more fields, each with its reason.
const WIDE: [(&str, &str); 1] = [(
    "modehost-session Services",
    "one field for each service that the composition hands in; nothing has a method on it",
)];

/// Types whose methods stand elsewhere, each with its reason.
const SCATTERED: [(&str, &str); 0] = [];

/// The source files of a crate: its name, its folder `src`, and each file with its text without comments and tests.
struct Sources {
    name: String,
    folder: PathBuf,
    files: BTreeMap<PathBuf, String>,
}

fn sources() -> Vec<Sources> {
    let of = |manifest: &PathBuf| {
        let (name, _) = super::dependencies(manifest);
        let folder = manifest.parent().expect("a folder").join("src");
        let files = super::files(&folder).into_iter().filter(|path| path.extension().is_some_and(|kind| kind == "rs"));
        let text = |path: &Path| {
            let text = code(&read(path));
            text.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default().to_owned()
        };
        Sources { name, files: files.map(|path| (path.clone(), text(&path))).collect(), folder }
    };
    host_manifests().iter().map(of).collect()
}

/// The word at the beginning of a text.
fn word(text: &str) -> &str {
    &text[..text.find(|sign| !is_name(sign)).unwrap_or(text.len())]
}

/// A line without its visibility.
fn bare(line: &str) -> &str {
    let line = line.trim_start();
    match line.strip_prefix("pub") {
        Some(rest) if rest.starts_with('(') => rest.split_once(") ").map_or(rest, |(_, rest)| rest),
        Some(rest) => rest.trim_start(),
        None => line,
    }
}

/// The types that a text defines.
fn types(text: &str) -> impl Iterator<Item = &str> {
    let kinds = ["struct ", "enum ", "union "];
    text.lines().filter_map(move |line| kinds.iter().find_map(|kind| bare(line).strip_prefix(kind)).map(word))
}

/// The types that a text has inherent methods of.
fn methods_of(text: &str) -> impl Iterator<Item = &str> {
    text.lines().filter_map(|line| {
        let rest = line.strip_prefix("impl")?;
        let rest = match rest.strip_prefix('<') {
            Some(_) => rest.split_once("> ")?.1,
            None => rest.strip_prefix(' ')?,
        };
        (!rest.contains(" for ")).then(|| word(rest))
    })
}

/// The structs of a text that are neither configuration nor messages, each with the number of its fields.
fn structs(text: &str) -> Vec<(&str, usize)> {
    let lines: Vec<&str> = text.lines().collect();
    let mut found = Vec::new();
    for (index, line) in lines.iter().enumerate() {
        let Some(rest) = bare(line).strip_prefix("struct ").filter(|_| line.ends_with('{')) else { continue };
        let above = lines[..index].iter().rev().take_while(|line| line.trim_start().starts_with(['#', ')', ' ']));
        let is_message = above.into_iter().any(|line| line.contains("Serialize") || line.contains("Deserialize"));
        let is_configuration = word(rest).ends_with("Config") || word(rest).ends_with("Settings");
        let indent = line.len() - line.trim_start().len();
        let inner = lines[index + 1..].iter().take_while(|line| line.trim_end() != format!("{}}}", " ".repeat(indent)));
        let is_field = |line: &&&str| {
            let inside = line.len() - line.trim_start().len() == indent + 4;
            inside && bare(line)[word(bare(line)).len()..].starts_with(": ")
        };
        if !is_message && !is_configuration {
            found.push((word(rest), inner.filter(is_field).count()));
        }
    }
    found
}

/// Whether methods may stand in `file` that are of a type in `home`.
fn is_home(home: &Path, file: &Path) -> bool {
    let stem = file.file_stem().unwrap_or_default().to_string_lossy();
    let header = || read(home).lines().take_while(|line| line.starts_with("//!")).collect::<String>();
    home == file || (file.starts_with(home.with_extension("")) && super::names(&header(), &stem))
}

#[test]
fn methods_stand_with_their_type() {
    let mut faults = Vec::new();
    for Sources { name, files, .. } in sources() {
        let mut homes: BTreeMap<&str, Vec<&PathBuf>> = BTreeMap::new();
        for (file, text) in &files {
            types(text).for_each(|known| homes.entry(known).or_default().push(file));
        }
        for (file, text) in &files {
            // Types that macros define have no home that could be found.
            for (method_of, homes) in methods_of(text).filter_map(|known| Some((known, homes.get(known)?))) {
                let is_listed = SCATTERED.iter().any(|(known, _)| *known == format!("{name} {method_of}"));
                if !is_listed && !homes.iter().any(|home| is_home(home, file)) {
                    faults.push(format!("{}: methods of {method_of}, whose file is {}", shown(file), shown(homes[0])));
                }
            }
        }
    }
    none(
        faults,
        "inherent methods stand in the file of their type, or in its folder where the header of that file names them",
    );
}

#[test]
fn a_struct_holds_what_it_needs_together() {
    let mut faults = Vec::new();
    for Sources { name, files, .. } in sources() {
        for (file, text) in &files {
            for (found, fields) in structs(text) {
                let is_listed = WIDE.iter().any(|(known, _)| *known == format!("{name} {found}"));
                let most =
                    if (name.as_str(), found) == ("modehost-session", "Session") { SESSION_FIELDS } else { FIELDS };
                if fields > most && !is_listed && found != "Config" {
                    faults.push(format!("{}: {found} has {fields} fields, at most {most}", shown(file)));
                }
            }
        }
    }
    none(faults, "a struct has few fields; group those that belong together into types of their own");
}

/// The files of a crate that a file names in its paths.
fn named(sources: &Sources, file: &Path, text: &str) -> BTreeSet<PathBuf> {
    let own: Vec<&str> = file
        .strip_prefix(&sources.folder)
        .expect("a source")
        .iter()
        .map(|part| part.to_str().unwrap_or_default().trim_end_matches(".rs"))
        .collect();
    let mut found = BTreeSet::new();
    for (at, root) in ["crate::", "super::", "self::"].iter().flat_map(|root| text.match_indices(root)) {
        let is_whole = !text[..at].ends_with(|sign: char| is_name(sign) || sign == ':');
        let mut rest = &text[at + root.len()..];
        let mut base = match root {
            "crate::" => Vec::new(),
            "self::" => own.clone(),
            _ => own[..own.len() - 1].to_vec(),
        };
        while let Some(further) = rest.strip_prefix("super::") {
            base.pop();
            rest = further;
        }
        let mut path = base;
        while !word(rest).is_empty() {
            path.push(word(rest));
            rest = rest[word(rest).len()..].strip_prefix("::").unwrap_or_default();
        }
        let file_of = |path: &[&str]| sources.folder.join(path.join("/")).with_extension("rs");
        let deepest =
            (1..=path.len()).rev().map(|length| file_of(&path[..length])).find(|path| sources.files.contains_key(path));
        found.extend(deepest.filter(|deepest| is_whole && deepest != file));
    }
    found
}

/// Whether one file is in the folder of the other.
fn are_parent_and_child(one: &Path, other: &Path) -> bool {
    one.starts_with(other.with_extension("")) || other.starts_with(one.with_extension(""))
}

#[test]
fn files_do_not_know_each_other_in_circles() {
    let mut faults = Vec::new();
    for sources in sources() {
        let knows: BTreeMap<&PathBuf, BTreeSet<PathBuf>> = sources
            .files
            .iter()
            .map(|(file, text)| {
                let named = named(&sources, file, text);
                (file, named.into_iter().filter(|other| !are_parent_and_child(file, other)).collect())
            })
            .collect();
        for file in knows.keys() {
            let mut reached = BTreeSet::new();
            let mut open: Vec<&PathBuf> = vec![file];
            while let Some(next) = open.pop() {
                open.extend(knows.get(next).into_iter().flatten().filter(|other| reached.insert(*other)));
            }
            if reached.contains(*file) {
                faults.push(shown(file));
            }
        }
    }
    none(faults, "no file of a crate knows itself by way of others; only parent and child may know each other");
}

#[test]
fn parts_of_a_session_do_not_know_each_other() {
    let sources = sources().into_iter().find(|sources| sources.name == "modehost-session").expect("the session");
    let mut faults = Vec::new();
    for part in PARTS {
        let is_of = |file: &Path, part: &str| {
            file.starts_with(sources.folder.join(part)) || file == sources.folder.join(part).with_extension("rs")
        };
        let own: Vec<_> = sources.files.iter().filter(|(file, _)| is_of(file, part)).collect();
        assert!(!own.is_empty(), "there is no part {part}; see PARTS in {}", file!());
        for (file, text) in own {
            let others = PARTS.iter().filter(|other| **other != part).chain(["actor"].iter());
            let known = named(&sources, file, text);
            for other in others.filter(|other| known.iter().any(|known| is_of(known, other))) {
                faults.push(format!("{} names {other}", shown(file)));
            }
        }
    }
    none(faults, "a part of a session returns what is to happen; the files of actor/ join the parts");
}
