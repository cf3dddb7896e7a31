//! `tests/REQUIREMENTS.md`. Rule: every row has a test or a written reason for having none, every row that a test or a
//! comment cites exists, and the page says where the tests of each row are.
//!
//! `UPDATE_REQUIREMENTS=1 cargo nextest run -E 'binary(requirements)'` rewrites the column of tests.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

const PAGE: &str = "tests/REQUIREMENTS.md";

/// Letters of the areas.
const AREAS: &str = "CAMPLHK";

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the workspace").to_owned()
}

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Every Rust file, by its path from the root.
fn sources() -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    let mut open: Vec<PathBuf> = ["host", "plugins", "tests", "examples"].map(PathBuf::from).into();
    while let Some(directory) = open.pop() {
        for entry in std::fs::read_dir(root().join(&directory)).into_iter().flatten().flatten() {
            let name = entry.file_name().to_string_lossy().into_owned();
            let path = directory.join(&name);
            match entry.path().is_dir() {
                true if name == "target" || name == "node_modules" => {}
                true => open.push(path),
                false if name.ends_with(".rs") => {
                    found.insert(path.display().to_string(), read(&entry.path()));
                }
                false => {}
            }
        }
    }
    found
}

/// Names of the tests in a file: functions behind an attribute that ends in `test`.
fn tests(text: &str) -> Vec<&str> {
    let (mut names, mut is_test) = (Vec::new(), false);
    for line in text.lines().map(str::trim) {
        if let Some(attribute) = line.strip_prefix("#[") {
            let name = attribute.split(['(', ']']).next().unwrap_or_default();
            is_test |= name == "test" || name.ends_with("::test");
        } else if let Some(at) = line.find("fn ").filter(|_| is_test) {
            names.extend(line[at + 3..].split('(').next().map(str::trim));
            is_test = false;
        } else if !line.starts_with("//") && !line.is_empty() && !line.starts_with(')') && !line.starts_with('"') {
            is_test &= line.ends_with(',');
        }
    }
    names
}

/// The row that the name of a test refers to: `c16_…` is a test of C.16.
fn row_of(test: &str) -> Option<String> {
    let (first, _) = test.split_once('_')?;
    let area = first.chars().next()?.to_ascii_uppercase();
    let number = first.get(1..)?;
    let is_row = AREAS.contains(area) && !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit());
    is_row.then(|| format!("{area}.{number}"))
}

/// Rows that a text cites, such as `(C.16)`.
fn cited(text: &str) -> BTreeSet<String> {
    let mut rows = BTreeSet::new();
    let bytes = text.as_bytes();
    for (at, _) in text.match_indices('.') {
        let area = at.checked_sub(1).map_or(b' ', |before| bytes[before]);
        let is_alone = at < 2 || !(bytes[at - 2].is_ascii_alphanumeric() || b"_.".contains(&bytes[at - 2]));
        let number: String = text[at + 1..].chars().take_while(char::is_ascii_digit).collect();
        let end = bytes.get(at + 1 + number.len()).copied().unwrap_or(b' ');
        if AREAS.contains(char::from(area))
            && is_alone
            && !number.is_empty()
            && !end.is_ascii_alphabetic()
            && number.len() < 3
        {
            rows.insert(format!("{}.{number}", char::from(area)));
        }
    }
    rows
}

/// The cells of a row of the page's tables.
fn cells(line: &str) -> Option<Vec<&str>> {
    let inner = line.strip_prefix("| ")?.strip_suffix(" |")?;
    Some(inner.split(" | ").map(str::trim).collect())
}

fn is_id(text: &str) -> bool {
    let (area, number) = text.split_once('.').unwrap_or_default();
    area.len() == 1 && AREAS.contains(area) && !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit())
}

/// The directory of a file's package, as the page names it.
fn package_directory(file: &str) -> String {
    let mut directory = Path::new(file).parent();
    while let Some(current) = directory {
        if root().join(current).join("Cargo.toml").is_file() {
            return current.display().to_string();
        }
        directory = current.parent();
    }
    file.to_owned()
}

/// By row: the packages that have tests of it.
fn packages_by_row() -> BTreeMap<String, BTreeSet<String>> {
    let mut rows: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for (file, text) in sources() {
        for row in tests(&text).into_iter().filter_map(row_of) {
            rows.entry(row).or_default().insert(package_directory(&file));
        }
    }
    rows
}

/// The cell of the column of tests.
fn column(row: &str, packages: Option<&BTreeSet<String>>) -> String {
    let prefix = format!("`{}_`", row.to_lowercase().replace('.', ""));
    match packages {
        Some(packages) => format!("{prefix} in {}", packages.iter().cloned().collect::<Vec<_>>().join(", ")),
        None => "see below".to_owned(),
    }
}

#[test]
fn every_row_has_its_tests_and_every_cited_row_exists() {
    let (sources, found) = (sources(), packages_by_row());
    let page = root().join(PAGE);
    let text = read(&page);
    let (rows, others) = text.split_once("\n## Tests with other names").expect("a part for tests with other names");
    let mut updated = String::new();
    let (mut known, mut faults) = (BTreeSet::new(), Vec::new());
    for line in rows.lines() {
        let row = cells(line).filter(|cells| is_id(cells[0]));
        let Some(row) = row else {
            updated += &format!("{line}\n");
            continue;
        };
        assert_eq!(row.len(), 3, "a row has three cells: {line}");
        if !known.insert(row[0].to_owned()) {
            faults.push(format!("{} stands twice", row[0]));
        }
        let expected = column(row[0], found.get(row[0]));
        if row[2] != expected {
            faults.push(format!("{}: `{}` should be `{expected}` (UPDATE_REQUIREMENTS=1 writes it)", row[0], row[2]));
        }
        updated += &format!("| {} | {} | {expected} |\n", row[0], row[1]);
    }
    if std::env::var_os("UPDATE_REQUIREMENTS").is_some() {
        std::fs::write(&page, format!("{updated}\n## Tests with other names{others}")).expect("written");
        faults.clear();
    }
    let names: BTreeSet<&str> = sources.values().flat_map(|text| tests(text)).collect();
    let mut without_tests = BTreeSet::new();
    for row in others.lines().filter_map(cells).filter(|cells| is_id(cells[0])) {
        without_tests.insert(row[0].to_owned());
        // A test by its name, or a reason as a sentence.
        if let Some(test) = row[1].strip_prefix('`').and_then(|rest| rest.strip_suffix('`'))
            && !names.contains(test)
        {
            faults.push(format!("{}: there is no test {test}", row[0]));
        }
        if !known.contains(row[0]) {
            faults.push(format!("{} is listed below and is no row", row[0]));
        }
    }
    faults.extend(
        known
            .iter()
            .filter(|row| !found.contains_key(*row) && !without_tests.contains(*row))
            .map(|row| format!("{row} has no test; name one after it, or list it under `Tests with other names`")),
    );
    faults.extend(
        found
            .keys()
            .filter(|row| !known.contains(*row))
            .map(|row| format!("tests are named after {row}, which is no row")),
    );
    for (file, text) in &sources {
        let comments: Vec<_> =
            text.lines().filter_map(|line| line.split_once("//")).map(|(_, comment)| comment).collect();
        let unknown = cited(&comments.join("\n")).into_iter().filter(|row| !known.contains(row));
        faults.extend(unknown.map(|row| format!("{file} cites {row}, which is no row")));
    }
    assert!(faults.is_empty(), "{PAGE}:\n  {}", faults.join("\n  "));
    assert!(known.len() > 70 && names.len() > 1000, "{} rows, {} tests", known.len(), names.len());
}

#[test]
fn names_of_tests_are_read() {
    let text = "#[test]\nfn c1_a() {}\n#[tokio::test(start_paused = true)]\n#[ignore]\nasync fn b() {}\nfn no() {}\n";
    assert_eq!(tests(text), ["c1_a", "b"]);
    assert_eq!(row_of("c16_what"), Some("C.16".to_owned()));
    assert_eq!((row_of("kill9_what"), row_of("a_person"), row_of("x1_y")), (None, None, None));
    let rows = cited("as (C.16), A.2: not 1.C.4, H.264 or L.5x; M.18.");
    assert_eq!(rows.into_iter().collect::<Vec<_>>(), ["A.2", "C.16", "M.18"]);
}
