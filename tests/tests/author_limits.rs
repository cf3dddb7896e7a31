//! The numbers of `plugins/LIMITS.md`. Rule: each row of its tables names a constant, and says its value; a limit that an
//! author meets is in the page.

use std::path::{Path, PathBuf};

const PAGE: &str = "plugins/LIMITS.md";
/// Constants are named by other constants at most so deep.
const DEPTH: usize = 8;

/// Rows that may not go missing: what a mode meets in its first week.
const EXPECTED: [&str; 8] = [
    "plugin::GUEST_MEMORY_BYTES",
    "limits::CALL_BUDGET",
    "limits::EFFECTS",
    "plugin::EFFECT_BYTES",
    "plugin::SNAPSHOT_BYTES",
    "limits::DOCUMENT_BYTES",
    "session::TIMERS",
    "session::REQUESTS",
];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the workspace").to_owned()
}

fn read(path: &str) -> String {
    std::fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// A row of the page.
struct Row {
    number: usize,
    /// As it is written: `64 KiB`.
    value: String,
    /// As it is named: `plugin::EFFECT_BYTES`.
    constant: String,
}

/// Rows of tables with the columns `number` and `constant`.
fn rows() -> Vec<Row> {
    let (text, mut rows, mut is_limits) = (read(PAGE), Vec::new(), false);
    for (index, line) in text.lines().enumerate() {
        let cells: Vec<&str> = line.trim().trim_matches('|').split('|').map(str::trim).collect();
        if !line.starts_with('|') {
            is_limits = false;
        } else if cells.len() == 5 && cells[1] == "number" && cells[4] == "constant" {
            is_limits = true;
        } else if is_limits && !cells[0].starts_with("---") {
            assert_eq!(cells.len(), 5, "{PAGE}:{}: five columns", index + 1);
            let constant = cells[4].trim_matches('`').to_owned();
            rows.push(Row { number: index + 1, value: cells[1].to_owned(), constant });
        }
    }
    rows
}

/// The file in which a crate, or a module of the SDK, defines its limits.
fn source(of: &str) -> String {
    match of {
        "limits" => "host/limits/src/lib.rs".to_owned(),
        other => match other.strip_prefix("sdk/") {
            Some(module) => format!("plugins/sdk/src/{module}.rs"),
            None => format!("host/{other}/src/limits.rs"),
        },
    }
}

/// A value in bytes, ms or pieces.
fn constant(file: &str, name: &str, depth: usize) -> u128 {
    assert!(depth < DEPTH, "{file}: {name} is defined by itself");
    let text = read(file);
    let definition = text.lines().find_map(|line| {
        let line = line.trim_start();
        let rest = line.strip_prefix("pub const ").or_else(|| line.strip_prefix("const "))?;
        let (found, rest) = rest.split_once(':')?;
        (found == name).then(|| rest.split_once('=').map(|(_, value)| value.trim().trim_end_matches(';').to_owned()))?
    });
    match definition {
        Some(definition) => value_of(file, &definition, depth),
        None if file != "host/limits/src/lib.rs" => constant("host/limits/src/lib.rs", name, depth + 1),
        None => panic!("there is no constant {name}"),
    }
}

/// The value of an expression of numbers, constants, `*`, `+`, `<<` and the beginnings of a `Duration`.
fn value_of(file: &str, expression: &str, depth: usize) -> u128 {
    let expression = expression.trim();
    for (start, ms) in [("Duration::from_secs(", 1000), ("Duration::from_millis(", 1)] {
        if let Some(inner) = expression.strip_prefix(start).and_then(|rest| rest.strip_suffix(')')) {
            return ms * value_of(file, inner, depth);
        }
    }
    if let Some((left, right)) = expression.split_once('+') {
        return value_of(file, left, depth) + value_of(file, right, depth);
    }
    if let Some((left, right)) = expression.split_once("<<") {
        return value_of(file, left, depth) << value_of(file, right, depth);
    }
    if let Some((left, right)) = expression.split_once('*') {
        return value_of(file, left, depth) * value_of(file, right, depth);
    }
    let digits = expression.replace('_', "");
    match digits.parse() {
        Ok(number) => number,
        Err(_) => constant(file, expression, depth + 1),
    }
}

/// A number of the page with its unit.
fn written(text: &str) -> Option<u128> {
    let (number, unit) = text.split_once(' ').unwrap_or((text, ""));
    let number: u128 = number.replace(',', "").parse().ok()?;
    let factor = match unit {
        "" | "bytes" | "ms" => 1,
        "KiB" => 1 << 10,
        "MiB" => 1 << 20,
        "GiB" => 1 << 30,
        "s" => 1000,
        "h" => 60 * 60 * 1000,
        "d" => 24 * 60 * 60 * 1000,
        _ => return None,
    };
    Some(number * factor)
}

#[test]
fn each_number_is_that_of_its_constant() {
    let (rows, mut faults) = (rows(), Vec::new());
    for Row { number, value, constant: named } in &rows {
        let Some((of, name)) = named.split_once("::") else {
            faults.push(format!("{PAGE}:{number}: `{named}` is not named as `crate::CONSTANT`"));
            continue;
        };
        // Settings that operators write in these units have constants in them.
        let factor = match name {
            _ if name.ends_with("_MIB") => 1 << 20,
            _ if name.ends_with("_DAYS") => 24 * 60 * 60 * 1000,
            _ => 1,
        };
        let is = factor * constant(&source(of), name, 0);
        if written(value) != Some(is) {
            faults.push(format!("{PAGE}:{number}: {named} is {is} (bytes, ms or pieces), and the page says {value}"));
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
    assert!(rows.len() > 70, "{} rows", rows.len());
    let missing: Vec<_> = EXPECTED.iter().filter(|name| !rows.iter().any(|row| row.constant == **name)).collect();
    assert!(missing.is_empty(), "{PAGE} has no row for {missing:?}");
}

#[test]
fn values_are_read_as_the_compiler_reads_them() {
    let file = "host/limits/src/lib.rs";
    for (expression, value) in [
        ("1024 * 1024", 1 << 20),
        ("2 << 30", 2 << 30),
        ("6 * 4 + 256 * 2", 536),
        ("Duration::from_secs(7 * 24 * 60 * 60)", 604_800_000),
        ("Duration::from_millis(100)", 100),
        ("20_000", 20_000),
        ("4 * EFFECTS", 256),
    ] {
        assert_eq!(value_of(file, expression, 0), value, "{expression}");
    }
    assert_eq!((written("2,000 bytes"), written("7 d"), written("some")), (Some(2000), Some(604_800_000), None));
    let gone = std::panic::catch_unwind(|| constant(file, "NO_SUCH_LIMIT", 0));
    assert!(gone.is_err(), "a constant that is gone is found");
}
