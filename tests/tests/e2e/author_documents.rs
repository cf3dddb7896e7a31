//! The pages for authors of modes, played as they are read. Rule: every fenced block of them is run here, top to bottom, in
//! one directory that is empty at first; a block of a kind that nobody runs is an error.
//!
//! | block | what is done |
//! |---|---|
//! | `rust PATH`, `toml PATH`, `yaml PATH`, `text PATH` | the file is written |
//! | `sh` | `sh -e` runs it; the blocks that follow run in the directory in which it ends |
//! | `sh server` | the same beside `modehost dev`; the line `modehost dev` starts that, and it ends with the page |
//! | `text` behind one of these | what was printed contains it; `…` stands for anything |
//! | `text device` | a device at that server: `> WORDS` are typed, `< WORDS` is the next sentence that it is told |
//!
//! All pages share the directory, so that the crates of the SDK are compiled once.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use modehost_tests::Device;
use modehost_tests::server::binary;
use tempfile::TempDir;

use crate::author::{Dev, program, told};

/// The pages in the order in which an author reads them.
const PAGES: [&str; 3] = ["README.md", "COOKBOOK.md", "STATE.md"];
/// Pages that have no blocks.
const WITHOUT_BLOCKS: [&str; 2] = ["LIMITS.md", "REFERENCE.md"];
/// The device of the pages.
const DEVICE: &str = "dev-1";

#[derive(Clone, Debug, PartialEq)]
enum Kind {
    File(PathBuf),
    Shell { at_server: bool },
    Printed,
    Device,
}

#[derive(Clone, Debug, PartialEq)]
struct Block {
    /// Page and line, for messages.
    place: String,
    kind: Kind,
    text: String,
}

fn kind_of(info: &str) -> Option<Kind> {
    let (language, rest) = info.split_once(' ').unwrap_or((info, ""));
    match (language, rest.trim()) {
        ("sh", "") => Some(Kind::Shell { at_server: false }),
        ("sh", "server") => Some(Kind::Shell { at_server: true }),
        ("text", "") => Some(Kind::Printed),
        ("text", "device") => Some(Kind::Device),
        ("rust" | "toml" | "yaml" | "text", path) if !path.is_empty() => {
            let path = Path::new(path);
            let is_inside = path.components().all(|part| matches!(part, std::path::Component::Normal(_)));
            is_inside.then(|| Kind::File(path.to_owned()))
        }
        _ => None,
    }
}

/// The blocks of a page.
///
/// # Errors
/// The first block of an unknown kind, or that does not end.
fn blocks(page: &str, text: &str) -> Result<Vec<Block>, String> {
    let (mut found, mut open): (Vec<Block>, Option<Block>) = (Vec::new(), None);
    for (index, line) in text.lines().enumerate() {
        let place = format!("{page}:{}", index + 1);
        match (open.as_mut(), line.trim_start().strip_prefix("```")) {
            (None, None) => {}
            (None, Some(info)) => {
                let kind = kind_of(info).ok_or_else(|| format!("{place}: nobody runs a block `{info}`"))?;
                open = Some(Block { place, kind, text: String::new() });
            }
            (Some(block), None) => block.text += &format!("{line}\n"),
            (Some(_), Some(_)) => found.extend(open.take()),
        }
    }
    match open {
        Some(block) => Err(format!("{}: the block does not end", block.place)),
        None => Ok(found),
    }
}

/// The first part of the expected text that is not there, in its order.
fn missing<'e>(printed: &str, expected: &'e str) -> Option<&'e str> {
    let mut rest = printed;
    for part in expected.split('…').map(|part| part.trim_matches('\n')) {
        match rest.find(part) {
            Some(at) => rest = &rest[at + part.len()..],
            None => return Some(part),
        }
    }
    None
}

/// An author who does what the pages say.
struct Author {
    home: TempDir,
    directory: PathBuf,
    /// Output of the block before, if it was one of the shell.
    printed: Option<String>,
    dev: Option<Dev>,
    device: Option<Device>,
}

impl Author {
    fn new() -> Self {
        let home = tempfile::tempdir().expect("a directory");
        let (programs, directory) = (home.path().join("bin"), home.path().join("work"));
        std::fs::create_dir(&programs).expect("a directory");
        std::fs::create_dir(&directory).expect("a directory");
        std::os::unix::fs::symlink(binary(), programs.join("modehost")).expect("a link");
        Self { home, directory, printed: None, dev: None, device: None }
    }

    async fn play(&mut self, block: &Block) {
        let sources = self.dev.as_ref().map(|dev| (dev.output().len(), self.sources()));
        let printed = self.printed.take();
        match &block.kind {
            Kind::File(path) => self.write(path, &block.text),
            Kind::Shell { at_server } => self.shell(block, *at_server).await,
            Kind::Printed => {
                let printed = printed.unwrap_or_else(|| panic!("{}: stands behind no block `sh`", block.place));
                if let Some(part) = missing(&printed, &block.text) {
                    panic!("{}: not printed: {part:?}; printed was:\n{printed}", block.place);
                }
            }
            Kind::Device => self.converse(block).await,
        }
        // A changed plugin is served before anything else happens.
        if let (Some(dev), Some((start, sources))) = (&self.dev, sources)
            && self.sources() != sources
        {
            dev.wait_output_behind(start, "in force plugin=").await;
        }
    }

    fn write(&self, path: &Path, text: &str) {
        let path = self.directory.join(path);
        std::fs::create_dir_all(path.parent().expect("a directory")).expect("a directory");
        std::fs::write(&path, text).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    }

    async fn shell(&mut self, block: &Block, at_server: bool) {
        let (starts, lines): (Vec<&str>, Vec<&str>) =
            block.text.lines().partition(|line| at_server && line.trim() == "modehost dev");
        let mut printed = String::new();
        if !starts.is_empty() {
            let dev = Dev::start(&self.directory);
            dev.wait_output("is ready after").await;
            printed += &dev.output();
            self.dev = Some(dev);
        }
        assert!(!at_server || self.dev.is_some(), "{}: no server runs; `modehost dev` starts one", block.place);
        let ended = self.home.path().join("directory");
        let script = format!("exec 2>&1\n{}\npwd > \"$ENDED\"\n", lines.join("\n"));
        let mut command = program(Path::new("sh"), &self.directory);
        let path = std::env::var("PATH").unwrap_or_default();
        command.args(["-e", "-c", &script]).env("ENDED", &ended);
        command.env("PATH", format!("{}:{path}", self.home.path().join("bin").display()));
        if let Some(dev) = &self.dev {
            command.envs(dev.settings.iter().map(|(name, value)| (name, value)));
        }
        let output = command.output().expect("sh runs");
        printed += &String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success(), "{}: {}:\n{printed}", block.place, output.status);
        let directory = std::fs::read_to_string(&ended).expect("the directory in which it ended");
        self.directory = PathBuf::from(directory.trim_end());
        self.printed = Some(printed);
    }

    async fn converse(&mut self, block: &Block) {
        let dev = self.dev.as_ref().unwrap_or_else(|| panic!("{}: no server runs", block.place));
        let device = match &mut self.device {
            Some(device) => device,
            none => none.insert(Device::join_at(dev.devices, DEVICE).await),
        };
        for line in block.text.lines() {
            match line.split_once(' ') {
                Some((">", words)) => device.types(words).await,
                Some(("<", words)) => assert_eq!(told(device).await, words, "{}", block.place),
                _ => panic!("{}: `{line}` is neither `> WORDS` nor `< WORDS`", block.place),
            }
        }
    }

    /// What `dev` builds from: the sources of all plugins.
    fn sources(&self) -> BTreeMap<PathBuf, Vec<u8>> {
        let (mut found, mut open) = (BTreeMap::new(), vec![self.directory.join("plugins")]);
        while let Some(directory) = open.pop() {
            for entry in std::fs::read_dir(&directory).into_iter().flatten().flatten() {
                let path = entry.path();
                if path.is_dir() {
                    open.push(path);
                } else if path.extension().is_some_and(|kind| kind == "rs") {
                    let text = std::fs::read(&path).unwrap_or_default();
                    found.insert(path, text);
                }
            }
        }
        found
    }

    /// The server of a page ends with it.
    fn end_page(&mut self) {
        (self.device, self.dev, self.printed) = (None, None, None);
    }
}

fn page(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the workspace").join("plugins").join(name);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

#[tokio::test]
async fn every_block_of_the_pages_for_authors_does_what_it_says() {
    let mut author = Author::new();
    for name in PAGES {
        let blocks = blocks(name, &page(name)).unwrap_or_else(|error| panic!("{error}"));
        assert!(blocks.len() > 10, "{name} has {} blocks", blocks.len());
        for block in &blocks {
            author.play(block).await;
        }
        author.end_page();
    }
}

#[test]
fn pages_without_blocks_have_none() {
    for name in WITHOUT_BLOCKS {
        assert_eq!(blocks(name, &page(name)), Ok(Vec::new()));
    }
}

#[test]
fn a_block_that_nobody_runs_is_found() {
    for info in ["", "rust", "toml", "json", "sh later", "rust ../outside.rs", "rust /etc/x", "console"] {
        let text = format!("# Page\n\n```{info}\nx\n```\n");
        assert_eq!(blocks("page", &text), Err(format!("page:3: nobody runs a block `{info}`")));
    }
    assert_eq!(blocks("page", "```sh\nls\n"), Err("page:1: the block does not end".to_owned()));
    let found = blocks("page", "```sh\nls\n```\ntext\n```text a/b.script\n> hi\n```\n").expect("two blocks");
    assert_eq!(found[1].kind, Kind::File("a/b.script".into()));
    assert_eq!((found[0].text.as_str(), found[1].text.as_str()), ("ls\n", "> hi\n"));
}

#[test]
fn parts_that_vary_are_left_out_and_the_order_counts() {
    assert_eq!(missing("one 1\ntwo 2\n", "one …\ntwo …\n"), None);
    assert_eq!(missing("one 1\ntwo 2\n", "two …\none …\n"), Some("one "));
    assert_eq!(missing("built in 3 s\n", "built in …\n"), None);
    assert_eq!(missing("nothing\n", "…something…\n"), Some("something"));
}
