//! `plugins/REFERENCE.md`, written from the comments of the open contract. Rule: the page says what `wit/` says; after a
//! change there `UPDATE_REFERENCE=1` writes it anew.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use wit_parser::{Case, Docs, Resolve, Type, TypeDef, TypeDefKind, TypeId};

/// The open contract, in which authors write today.
const CONTRACT: &str = "wit/0.2";
const PAGE: &str = "plugins/REFERENCE.md";
/// Columns of a line of the page.
const COLUMNS: usize = 118;
/// Interfaces in the order of the page; the types of each follow in the order of its file.
const INTERFACES: [&str; 3] = ["types", "events", "effects"];

const HEAD: &str = "\
# Events, effects and types

What a mode is told and what it can have done, written from the comments of [`wit/0.2`](../wit/0.2) by
`UPDATE_REFERENCE=1 cargo test -p modehost-tests --test wit_reference`. With the SDK for Rust, events are the handlers
of `Mode`, outcomes of requests come to `on_reply` as a `Reply`, and effects are the functions of `Cx`; the SDK chooses
request ids and timer ids. A member is named with its type; what else is said of it follows the colon.
";

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the workspace").to_owned()
}

/// The contract, and the types that members name on the way.
struct Reference {
    resolve: Resolve,
    /// Types that a link leads to.
    named: BTreeSet<String>,
    page: String,
}

impl Reference {
    fn read(directory: &Path) -> Self {
        let mut resolve = Resolve::default();
        resolve.push_dir(directory).unwrap_or_else(|error| panic!("{CONTRACT}: {error:#}"));
        Self { resolve, named: BTreeSet::new(), page: HEAD.to_owned() }
    }

    /// Types that an interface declares, without those that it takes from another one.
    fn declared(&self, interface: &str) -> Vec<TypeId> {
        let found = self.resolve.interfaces.iter().find(|(_, found)| found.name.as_deref() == Some(interface));
        let (_, found) = found.unwrap_or_else(|| panic!("{CONTRACT} has no interface {interface}"));
        let is_own = |id: &TypeId| match self.resolve.types[*id].kind {
            TypeDefKind::Type(Type::Id(other)) => self.resolve.types[other].name != self.resolve.types[*id].name,
            _ => true,
        };
        found.types.values().copied().filter(is_own).collect()
    }

    fn definition(&self, interface: &str, name: &str) -> TypeDef {
        let types = self.declared(interface);
        let found = types.into_iter().find(|id| self.resolve.types[*id].name.as_deref() == Some(name));
        self.resolve.types[found.unwrap_or_else(|| panic!("{interface} has no type {name}"))].clone()
    }

    /// The type that a name stands for, also where an interface took it from another one.
    fn origin(&self, id: TypeId) -> &TypeDef {
        match self.resolve.types[id].kind {
            TypeDefKind::Type(Type::Id(other)) => self.origin(other),
            _ => &self.resolve.types[id],
        }
    }

    /// A type in words, with a link where it has a name.
    fn words(&mut self, of: Type) -> String {
        let Type::Id(id) = of else { return format!("`{}`", primitive(of)) };
        let definition = self.resolve.types[id].clone();
        if let Some(name) = definition.name {
            let link = format!("[`{name}`](#type-{name})");
            self.named.insert(name);
            return link;
        }
        match definition.kind {
            TypeDefKind::Option(inner) => format!("optional {}", self.words(inner)),
            TypeDefKind::List(inner) => format!("list of {}", self.words(inner)),
            TypeDefKind::Type(inner) => self.words(inner),
            TypeDefKind::Tuple(tuple) => {
                let parts: Vec<String> = tuple.types.iter().map(|part| self.words(*part)).collect();
                format!("({})", parts.join(", "))
            }
            other => panic!("{CONTRACT} has a {} without a name; say here how it reads", other.as_str()),
        }
    }

    /// The cases of the variant `event` or `effect`, each with its members.
    fn cases(&mut self, interface: &str, name: &str, title: &str) {
        let definition = self.definition(interface, name);
        let TypeDefKind::Variant(variant) = definition.kind else { panic!("{name} is no variant") };
        self.page += &format!("\n## {title}\n\n{}\n", paragraph(&definition.docs, ""));
        for case in variant.cases {
            self.case(name, &case);
        }
    }

    fn case(&mut self, of: &str, case: &Case) {
        self.page += &format!("\n### {} `{}`\n\n", if of == "event" { "Event" } else { "Effect" }, case.name);
        let payload = match case.ty {
            Some(Type::Id(id)) => Some(self.origin(id).clone()),
            _ => None,
        };
        let record = payload.filter(|payload| matches!(payload.kind, TypeDefKind::Record(_)));
        let comments: Vec<&str> = [Some(&case.docs), record.as_ref().map(|record| &record.docs)]
            .into_iter()
            .flatten()
            .filter_map(|docs| docs.contents.as_deref())
            .collect();
        let mut text = joined(&comments.join("\n"));
        // What is needed stands in a line of its own, and not in the comment as well.
        let grant = if of == "effect" { grant(&text) } else { None };
        if let Some(grant) = &grant {
            text = joined(&text.replace(&format!("Needs the grant `{grant}`."), ""));
        }
        let mut parts = vec![wrapped(&text, "", "")];
        parts.extend(grant.map(|grant| format!("Grant: `{grant}`.\n")));
        if record.is_none()
            && let Some(carried) = case.ty
        {
            parts.push(format!("Carries: {}.\n", self.words(carried)));
        }
        parts.retain(|part| !part.is_empty());
        self.page += &parts.join("\n");
        if let Some(record) = record {
            self.members(&record);
        }
    }

    /// The members of a record, the cases of a variant or an enum, or what a name stands for.
    fn members(&mut self, definition: &TypeDef) {
        let mut lines = String::new();
        let mut line = |name: &str, words: Option<String>, docs: &Docs| {
            let words = words.map(|words| format!(", {words}")).unwrap_or_default();
            let comment = docs.contents.as_deref().map(|text| format!(": {}", joined(text))).unwrap_or_default();
            lines += &wrapped(&format!("`{name}`{words}{comment}"), "- ", "  ");
        };
        match &definition.kind {
            TypeDefKind::Record(record) => {
                for field in &record.fields {
                    line(&field.name, Some(self.words(field.ty)), &field.docs);
                }
            }
            TypeDefKind::Variant(variant) => {
                for case in &variant.cases {
                    let words = case.ty.map(|carried| self.words(carried));
                    line(&case.name, words, &case.docs);
                }
            }
            TypeDefKind::Enum(cases) => cases.cases.iter().for_each(|case| line(&case.name, None, &case.docs)),
            TypeDefKind::Flags(flags) => flags.flags.iter().for_each(|flag| line(&flag.name, None, &flag.docs)),
            TypeDefKind::Type(other) => {
                let words = self.words(*other);
                self.page += &format!("\nIs {words}.\n");
                return;
            }
            other => panic!("{CONTRACT} has a named {}; say here how it reads", other.as_str()),
        }
        self.page += &format!("\n{lines}");
    }

    /// Every type that is not the members of one event or effect, or that a link leads to.
    fn types(&mut self) {
        self.page += "\n## Types\n";
        let mut written: BTreeSet<String> = BTreeSet::new();
        // A type may name further ones, so this ends when a round has written nothing.
        loop {
            let before = written.len();
            for interface in INTERFACES {
                for id in self.declared(interface) {
                    let definition = self.resolve.types[id].clone();
                    let name = definition.name.clone().unwrap_or_default();
                    let is_wanted = interface == "types" || self.named.contains(&name);
                    if is_wanted && written.insert(name.clone()) {
                        self.page += &format!("\n### Type `{name}`\n");
                        let text = paragraph(&definition.docs, "");
                        if !text.is_empty() {
                            self.page += &format!("\n{text}");
                        }
                        self.members(&definition);
                    }
                }
            }
            if written.len() == before {
                break;
            }
        }
        let missing: Vec<&String> = self.named.difference(&written).collect();
        assert!(missing.is_empty(), "types that no interface of {INTERFACES:?} declares: {missing:?}");
    }
}

fn primitive(of: Type) -> &'static str {
    match of {
        Type::Bool => "bool",
        Type::U8 => "u8",
        Type::U16 => "u16",
        Type::U32 => "u32",
        Type::U64 => "u64",
        Type::S8 => "s8",
        Type::S16 => "s16",
        Type::S32 => "s32",
        Type::S64 => "s64",
        Type::F32 => "f32",
        Type::F64 => "f64",
        Type::Char => "char",
        Type::String => "string",
        Type::ErrorContext => "error-context",
        Type::Id(_) => unreachable!("a type of its own"),
    }
}

/// The grant that a comment names: "Needs the grant `model`."
fn grant(comment: &str) -> Option<String> {
    let rest = joined(comment);
    let (_, rest) = rest.split_once("eeds the grant `")?;
    rest.split('`').next().map(str::to_owned)
}

/// The lines of a comment as one.
fn joined(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn paragraph(docs: &Docs, indent: &str) -> String {
    docs.contents.as_deref().map(|text| wrapped(text, indent, indent)).unwrap_or_default()
}

/// A text in lines of at most so many columns, each with a line break; nothing for an empty text.
fn wrapped(text: &str, first: &str, further: &str) -> String {
    let (mut lines, mut line) = (String::new(), first.to_owned());
    let mut is_empty = true;
    for word in text.split_whitespace() {
        if !is_empty && line.chars().count() + 1 + word.chars().count() > COLUMNS {
            lines += &format!("{line}\n");
            line = further.to_owned();
            is_empty = true;
        }
        if !is_empty {
            line.push(' ');
        }
        line += word;
        is_empty = false;
    }
    if !is_empty {
        lines += &format!("{line}\n");
    }
    lines
}

fn page() -> String {
    let mut reference = Reference::read(&root().join(CONTRACT));
    reference.cases("events", "event", "Events");
    reference.cases("effects", "effect", "Effects");
    reference.types();
    // A paragraph ends with a line break, and so does the template that it stands in.
    let mut page = reference.page;
    while page.contains("\n\n\n") {
        page = page.replace("\n\n\n", "\n\n");
    }
    page
}

#[test]
fn the_reference_says_what_the_contract_says() {
    let (page, path) = (page(), root().join(PAGE));
    if std::env::var_os("UPDATE_REFERENCE").is_some() {
        std::fs::write(&path, &page).unwrap_or_else(|error| panic!("{PAGE}: {error}"));
    }
    let found = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{PAGE}: {error}"));
    let differs = page.lines().zip(found.lines()).position(|(expected, found)| expected != found);
    let number = differs.unwrap_or_else(|| page.lines().count().min(found.lines().count())) + 1;
    assert!(
        page == found,
        "{PAGE}:{number} is not what {CONTRACT} says; UPDATE_REFERENCE=1 cargo test -p modehost-tests --test wit_reference"
    );
}

#[test]
fn every_event_and_effect_has_its_part() {
    let page = page();
    let count = |start: &str| page.lines().filter(|line| line.starts_with(start)).count();
    assert!(count("### Event `") > 20 && count("### Effect `") > 20, "{page}");
    assert!(page.contains("Grant: `model`.") && page.contains("Grant: `documents:<prefix>`."), "{page}");
    assert!(page.lines().all(|line| line.chars().count() <= COLUMNS + 12), "long lines");
}
