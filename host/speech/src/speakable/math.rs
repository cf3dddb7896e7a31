//! Converts LaTeX in prose to what is read aloud. Rule: delimiters, braces and layout commands are removed, commands
//! for a symbol become the symbol, and a price in dollars stays.

use std::borrow::Cow;
use std::sync::LazyLock;

use regex::{Captures, Regex};

fn regex(pattern: &str) -> Regex {
    Regex::new(pattern).unwrap_or_else(|error| unreachable!("a fixed pattern: {error}"))
}

static DELIMITED: LazyLock<Regex> =
    LazyLock::new(|| regex(r"(?s)\$\$(.+?)\$\$|\\\((.+?)\\\)|\\\[(.+?)\\\]|\$([^$\s](?:[^$\n]*[^$\s])?)\$"));
static DELIMITER: LazyLock<Regex> = LazyLock::new(|| regex(r"\\[()\[\]]|\$\$"));
static FRACTION: LazyLock<Regex> = LazyLock::new(|| regex(r"\\[dt]?frac\s*\{([^{}]*)\}\s*\{([^{}]*)\}"));
static WRAPPED: LazyLock<Regex> = LazyLock::new(|| {
    regex(r"\\(?:text|mathrm|mathbf|mathit|mathbb|mathcal|operatorname|boxed|textbf|vec|hat|bar)\s*\{([^{}]*)\}")
});
static ROOT: LazyLock<Regex> = LazyLock::new(|| regex(r"\\sqrt\s*\{([^{}]*)\}"));
static POWER: LazyLock<Regex> = LazyLock::new(|| regex(r"([\^_])\{([^{}]*)\}"));
static COMMAND: LazyLock<Regex> = LazyLock::new(|| regex(r"\\([A-Za-z]+)\s?|\\([,;:!% &#{}_$])"));

/// Symbols of commands.
const SIGNS: [(&str, &str); 32] = [
    ("times", "×"),
    ("cdot", "×"),
    ("div", "÷"),
    ("pm", "±"),
    ("leq", "≤"),
    ("le", "≤"),
    ("geq", "≥"),
    ("ge", "≥"),
    ("neq", "≠"),
    ("ne", "≠"),
    ("approx", "≈"),
    ("equiv", "≡"),
    ("to", "→"),
    ("rightarrow", "→"),
    ("Rightarrow", "⇒"),
    ("leftarrow", "←"),
    ("infty", "∞"),
    ("sum", "∑"),
    ("int", "∫"),
    ("prod", "∏"),
    ("partial", "∂"),
    ("degree", "°"),
    ("circ", "°"),
    ("percent", "%"),
    ("ldots", "…"),
    ("dots", "…"),
    ("cdots", "…"),
    ("in", "∈"),
    ("cup", "∪"),
    ("cap", "∩"),
    ("therefore", "∴"),
    ("because", "∵"),
];
/// Commands that only affect layout.
const LAYOUT: [&str; 14] = [
    "left",
    "right",
    "big",
    "Big",
    "bigg",
    "displaystyle",
    "quad",
    "qquad",
    "limits",
    "begin",
    "end",
    "hline",
    "label",
    "nonumber",
];

/// The text with its formulas as they are read aloud.
pub(super) fn read_formulas(text: &str) -> Cow<'_, str> {
    if !text.contains(['\\', '$']) {
        return Cow::Borrowed(text);
    }
    let text = DELIMITED.replace_all(text, |found: &Captures<'_>| {
        let whole = &found[0];
        match (1..=3).find_map(|group| found.get(group)) {
            Some(formula) => formula_of(formula.as_str()),
            None => match found.get(4).map(|formula| formula.as_str()) {
                Some(formula) if is_formula(formula) => formula_of(formula),
                _ => whole.to_owned(),
            },
        }
    });
    // Delimiters whose counterparts are in another sentence.
    let text = DELIMITER.replace_all(&text, "");
    if text.contains('\\') { Cow::Owned(formula_of(&text)) } else { Cow::Owned(text.into_owned()) }
}

/// Whether text between two dollar signs is a formula and not a price.
fn is_formula(text: &str) -> bool {
    let single = text.chars().count() <= 2 && text.chars().any(char::is_alphabetic);
    single || text.contains(['\\', '^', '=', '{', '+']) || (text.contains('_') && !text.contains(' '))
}

fn formula_of(formula: &str) -> String {
    let mut text = formula.to_owned();
    // Nested fractions are resolved from the inside; three levels are more than a listener can follow.
    for _ in 0..3 {
        text = WRAPPED.replace_all(&text, "$1").into_owned();
        text = ROOT.replace_all(&text, "√($1)").into_owned();
        text = FRACTION.replace_all(&text, "$1/$2").into_owned();
        text = POWER.replace_all(&text, "$1$2").into_owned();
    }
    let text = COMMAND.replace_all(&text, |found: &Captures<'_>| match (found.get(1), found.get(2)) {
        (Some(name), _) if LAYOUT.contains(&name.as_str()) => String::new(),
        (Some(name), _) => {
            let sign = SIGNS.iter().find(|(known, _)| *known == name.as_str());
            sign.map_or_else(|| format!("{} ", name.as_str()), |(_, sign)| (*sign).to_owned())
        }
        (None, Some(sign)) if matches!(sign.as_str(), "%" | "&" | "#" | "_" | "$") => sign.as_str().to_owned(),
        (None, _) => " ".to_owned(),
    });
    text.replace(['{', '}'], "").replace("\\\\", " ").replace('\\', "")
}
