//! Parses YAML text to values with their locations.
//!
//! Rule: every value keeps the location of its key and of itself, and a plain scalar keeps its spelling, so that an
//! unquoted device id is not lost to a number.

use std::ops::Range;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::Value;
use serde_saphyr::Spanned;

use crate::diagnostic::{Diagnostic, Location, render_snippet};
use crate::path;

/// Line and column, from 1; columns in characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Position {
    /// From 1; 0 if unknown.
    pub line: u64,
    /// In characters, from 1; 0 if unknown.
    pub column: u64,
}

/// A value with its location.
#[derive(Clone, Debug)]
pub struct Node {
    /// Start of the value.
    pub position: Position,
    /// The value itself.
    pub content: Content,
    /// Byte range of a scalar in the text.
    bytes: Option<(usize, usize)>,
}

/// Content of a node.
#[derive(Clone, Debug)]
pub enum Content {
    /// A text, a number, a boolean or null.
    Scalar(Value),
    /// Elements in order.
    List(Vec<Node>),
    /// Entries in order; each key once.
    Map(Vec<Entry>),
}

/// One key of a map.
#[derive(Clone, Debug)]
pub struct Entry {
    /// As written, without quotes.
    pub key: String,
    /// Start of the key.
    pub position: Position,
    /// The value of the key.
    pub node: Node,
}

/// Parses one YAML document. An empty one is an empty map.
///
/// # Errors
/// The error of the parser, at its line: syntax, a duplicate key, too deep nesting, a second document, or a root that
/// is not a map.
pub fn parse(name: &str, text: &str) -> Result<Node, Diagnostic> {
    let options = serde_saphyr::options! { strict_booleans: true, with_snippet: false };
    let node = serde_saphyr::from_str_with_options::<Option<Node>>(text, options).map_err(|error| {
        let place = error.location();
        diagnostic_at(name, text, place.map_or(Position::default(), position), message_of(error.without_snippet()))
    })?;
    let empty = Node { position: Position { line: 1, column: 1 }, content: Content::Map(Vec::new()), bytes: None };
    let node = node.unwrap_or(empty.clone());
    match node.content {
        Content::Map(_) => Ok(node),
        Content::Scalar(Value::Null) => Ok(empty),
        _ => {
            let message = "expected sections such as `section: { key: value }`, found something else".to_owned();
            Err(diagnostic_at(name, text, node.position, message))
        }
    }
}

/// The message of the parser, where it contains nothing of the text.
fn message_of(error: &serde_saphyr::Error) -> String {
    use serde_saphyr::Error;
    match error {
        Error::DuplicateMappingKey { key, .. } => {
            format!("the key `{}` is given twice", key.as_deref().map_or("…", path::shown))
        }
        Error::AliasError { error, .. } => message_of(error),
        Error::ExternalMessage { .. }
        | Error::Eof { .. }
        | Error::MultipleDocuments { .. }
        | Error::Unexpected { .. }
        | Error::UnexpectedSequenceEnd { .. }
        | Error::UnexpectedMappingEnd { .. }
        | Error::ContainerEndMismatch { .. }
        | Error::UnknownAnchor { .. }
        | Error::Budget { .. } => {
            let message = error.to_string();
            // The message ends with the location, which ours starts with.
            message.split(" at line ").next().unwrap_or(&message).to_owned()
        }
        _ => "cannot be read as YAML; keys must be texts, and texts with odd marks need quotation marks".to_owned(),
    }
}

/// A diagnostic at a position of the text.
fn diagnostic_at(name: &str, text: &str, position: Position, message: String) -> Diagnostic {
    let place = if position.line == 0 {
        Location::Document(name.to_owned())
    } else {
        Location::Text { name: name.to_owned(), line: position.line, column: position.column }
    };
    Diagnostic {
        location: place,
        setting: String::new(),
        message,
        snippet: render_snippet(text, position.line, position.column, None),
    }
}

impl Node {
    /// The bytes of a scalar in the text from which this node was parsed; those of its anchor, for an alias.
    pub fn range(&self) -> Option<Range<usize>> {
        self.bytes.map(|(start, end)| start..end)
    }

    /// The spelling of a plain scalar in `text`, from which this node was parsed.
    pub fn spelling<'a>(&self, text: &'a str) -> Option<&'a str> {
        let (start, end) = self.bytes?;
        text.get(start..end).map(str::trim)
    }
}

impl<'de> Deserialize<'de> for Node {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let spanned = Spanned::<Content>::deserialize(deserializer)?;
        let span = spanned.defined.span();
        let bytes = span.byte_offset().zip(span.byte_len()).and_then(|(offset, length)| {
            let start = usize::try_from(offset).ok()?;
            Some((start, start + usize::try_from(length).ok()?))
        });
        Ok(Self { position: position(spanned.referenced), content: spanned.value, bytes })
    }
}

fn position(location: serde_saphyr::Location) -> Position {
    Position { line: location.line(), column: location.column() }
}

impl<'de> Deserialize<'de> for Content {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ContentVisitor)
    }
}

struct ContentVisitor;

impl<'de> Visitor<'de> for ContentVisitor {
    type Value = Content;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a value")
    }

    fn visit_bool<E>(self, value: bool) -> Result<Content, E> {
        Ok(Content::Scalar(value.into()))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Content, E> {
        Ok(Content::Scalar(value.into()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Content, E> {
        Ok(Content::Scalar(value.into()))
    }

    fn visit_i128<E>(self, value: i128) -> Result<Content, E> {
        // Beyond the range of JSON numbers; a text is rejected later wherever a number is required.
        Ok(Content::Scalar(value.to_string().into()))
    }

    fn visit_u128<E>(self, value: u128) -> Result<Content, E> {
        Ok(Content::Scalar(value.to_string().into()))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Content, E> {
        Ok(Content::Scalar(value.into()))
    }

    fn visit_str<E>(self, value: &str) -> Result<Content, E> {
        Ok(Content::Scalar(value.into()))
    }

    fn visit_unit<E>(self) -> Result<Content, E> {
        Ok(Content::Scalar(Value::Null))
    }

    fn visit_none<E>(self) -> Result<Content, E> {
        Ok(Content::Scalar(Value::Null))
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Content, D::Error> {
        deserializer.deserialize_any(self)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut access: A) -> Result<Content, A::Error> {
        let mut list = Vec::new();
        while let Some(node) = access.next_element()? {
            list.push(node);
        }
        Ok(Content::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Content, A::Error> {
        let mut entries = Vec::new();
        while let Some(key) = access.next_key::<Spanned<String>>()? {
            let node = access.next_value()?;
            entries.push(Entry { position: position(key.referenced), key: key.value, node });
        }
        Ok(Content::Map(entries))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_and_values_know_their_places_and_spelling() {
        let text = "a:\n  b: 0012\n  c: [x, 7]\n";
        let root = parse("t", text).expect("valid");
        let Content::Map(entries) = &root.content else { panic!("a map") };
        let Content::Map(inner) = &entries[0].node.content else { panic!("a map") };
        assert_eq!(
            (inner[0].position, inner[0].node.position),
            (Position { line: 2, column: 3 }, Position { line: 2, column: 6 })
        );
        assert_eq!(inner[0].node.spelling(text), Some("0012"));
        let Content::List(items) = &inner[1].node.content else { panic!("a list") };
        assert_eq!(items[1].position, Position { line: 3, column: 10 });
    }

    #[test]
    fn twice_the_same_key_and_bad_syntax_point_at_their_line() {
        for (text, line) in [("a: 1\nb: 2\na: 3\n", 3), ("a: [1, 2\nb: 3\n", 2), ("a:\n\t- x\n", 2)] {
            let diagnostic = parse("t", text).expect_err("invalid");
            let Location::Text { line: found, .. } = diagnostic.location else { panic!("{diagnostic}") };
            assert_eq!(found, line, "{diagnostic}");
        }
    }

    #[test]
    fn nothing_is_an_empty_document_and_a_list_is_refused() {
        for text in ["", "# only words\n", "---\n", "~"] {
            assert!(
                matches!(parse("t", text).expect("valid").content, Content::Map(map) if map.is_empty()),
                "{text:?}"
            );
        }
        assert!(parse("t", "- a\n").is_err());
        assert!(parse("t", "a: 1\n---\nb: 2\n").is_err());
    }
}
