//! The three walks of `host/ARCHITECTURE.md`. Rule: a walk names files that exist; each file contains the items it is
//! listed with and is named by an item of a file before it; and the walk is no longer than its limit.

use std::collections::BTreeSet;
use std::path::Path;

/// The title of each walk, its maximum number of files, and of returns to a file that is already open.
const WALKS: [(&str, usize, usize); 3] = [
    ("**A text frame to a mode and back**", 14, 1),
    ("**Audio to a mode and back as speech**", 22, 2),
    ("**A changed plugin file to the sessions that run it**", 12, 0),
];

/// A file of a walk.
struct Step {
    is_return: bool,
    file: String,
    /// The items that lead to the next file.
    items: Vec<String>,
}

fn read(path: &str) -> String {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../host").join(path);
    std::fs::read_to_string(&file).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// Texts in backquotes.
fn quoted(text: &str) -> Vec<String> {
    text.split('`').skip(1).step_by(2).map(str::to_owned).collect()
}

fn steps(page: &str, title: &str) -> Vec<Step> {
    let walk = page.split("\n\n").find(|part| part.starts_with(title)).unwrap_or_else(|| panic!("no walk {title}"));
    let walk = walk.split_once(':').expect("its files follow a colon").1;
    let steps = walk.split('→').map(|step| {
        let mut names = quoted(step).into_iter();
        let file = names.next().unwrap_or_else(|| panic!("{title}: no file in {step:?}"));
        Step { is_return: step.trim_start().starts_with("back"), file, items: names.collect() }
    });
    steps.collect()
}

#[test]
fn each_file_of_a_walk_is_named_by_one_before() {
    let page = read("ARCHITECTURE.md");
    let mut faults = Vec::new();
    for (title, _, _) in WALKS {
        let mut named: BTreeSet<String> = BTreeSet::new();
        for (at, step) in steps(&page, title).iter().enumerate() {
            let text = read(&step.file);
            if at > 0 && !named.iter().any(|item| text.contains(item.as_str())) {
                faults.push(format!("{}: no item of the files before leads there", step.file));
            }
            for item in &step.items {
                if !text.contains(item.as_str()) {
                    faults.push(format!("{} does not name {item}", step.file));
                }
            }
            // An item is matched by its last part: `read::text` is the function `text`.
            let last = |item: &String| item.rsplit([':', '.']).next().unwrap_or_default().to_owned();
            named = named.into_iter().chain(step.items.iter().map(last)).collect();
            if step.items.is_empty() {
                faults.push(format!("{}: by which item does it hand on?", step.file));
            }
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn walks_are_as_short_as_promised() {
    let page = read("ARCHITECTURE.md");
    for (title, most_files, most_returns) in WALKS {
        let steps = steps(&page, title);
        let files: BTreeSet<&str> = steps.iter().map(|step| step.file.as_str()).collect();
        let returns = steps.iter().filter(|step| step.is_return).count();
        assert!(files.len() <= most_files, "{title}: {} files, at most {most_files}", files.len());
        assert!(returns <= most_returns, "{title}: {returns} returns, at most {most_returns}");
        assert_eq!(files.len() + returns, steps.len(), "{title}: a return is called `back`");
    }
}
