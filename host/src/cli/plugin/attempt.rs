//! `modehost plugin try`: a person types to a mode, without a device and a server. Rule: what is shown are lines of a
//! script, so that a dialogue becomes a test.

use std::io::{BufRead, IsTerminal, Write};
use std::path::{Path, PathBuf};

use modehost_testkit::Kit;
use modehost_testkit::script::{Player, WORDS, read_line};

use super::super::Failure;
use super::{Target, built};
use crate::terminal::print_line;

pub const HELP: &str = "\
What you type is what a person says; {\"type\": \"x\"} is a message of the device. Further:

  +25m, :advance 25m   time passes, at once
  :state               the state, as JSON
  :answer riddle Why?  what the model will answer to the next question of the purpose `riddle`
  :swap                builds the plugin again (or reads the file again), and swaps it under the state
  :kill                the process dies and comes back
  :undo                takes back what you typed last
  :save FILE           writes all this as a script for `plugin test`
  :help, :quit         all words of scripts work here behind a colon

Examples:
  modehost plugin try pomodoro
  modehost plugin try my.wasm
  echo hello | modehost plugin try my.wasm";

#[derive(Debug, clap::Args)]
pub struct TryArguments {
    /// Directory or id of a plugin, or a component [default: the plugin of this directory]
    #[arg(value_name = "DIR|NAME|FILE")]
    plugin: Option<String>,
}

/// Something that was typed and is part of the dialogue.
enum Entry {
    /// A line of a script.
    Line(String),
    /// A newer build of the plugin took over.
    Swap(Box<Kit>),
}

/// Reads lines until the end of the input or `:quit`.
pub fn run(arguments: &TryArguments) -> Result<(), Failure> {
    let mut targets = built(arguments.plugin.as_deref())?;
    let target = match (targets.pop(), targets.is_empty()) {
        (Some(target), true) => target,
        (last, _) => {
            let names: Vec<String> = targets.into_iter().chain(last).map(|target| target.id).collect();
            return Err(Failure::Other(format!("which plugin? Here are: {}", names.join(", "))));
        }
    };
    let first = Kit::file(&target.file, "{}").map_err(Failure::Other)?;
    let mut dialogue = Dialogue { target, first, entries: Vec::new() };
    let is_terminal = std::io::stdin().is_terminal();
    if is_terminal {
        print_line(format_args!("{}: type what a person says; :help shows more, :quit ends", dialogue.target.id));
    }
    dialogue.show_beginning();
    let mut lines = std::io::stdin().lock().lines();
    loop {
        if is_terminal {
            let mut out = std::io::stdout().lock();
            let _ = write!(out, "> ").and_then(|()| out.flush());
        }
        let Some(line) = lines.next() else { return Ok(()) };
        let line = line.map_err(Failure::other)?;
        match line.trim() {
            "" => {}
            ":quit" | ":q" => return Ok(()),
            line => {
                if let Err(why) = dialogue.take(line) {
                    print_line(format_args!("! {}", why.replace('\n', "\n  ")));
                }
            }
        }
    }
}

struct Dialogue {
    target: Target,
    first: Kit,
    entries: Vec<Entry>,
}

impl Dialogue {
    /// What the mode says by itself when it begins.
    fn show_beginning(&mut self) {
        self.entries.push(Entry::Line("start".to_owned()));
        if let Err(why) = self.show_last() {
            print_line(format_args!("! {why}"));
        }
    }

    fn take(&mut self, line: &str) -> Result<(), String> {
        let (command, rest) =
            line.split_once(char::is_whitespace).map_or((line, ""), |(word, rest)| (word, rest.trim()));
        match command {
            ":help" => {
                print_line(HELP);
                for (form, meaning) in WORDS {
                    print_line(format_args!("  {form:<44} {meaning}"));
                }
                Ok(())
            }
            ":state" => self.show_state(),
            ":undo" => self.undo(),
            ":save" => self.save(rest),
            ":swap" if rest.is_empty() => self.swap(),
            ":advance" => self.add(format!("+{rest}")),
            word if word.starts_with(':') => self.add(line[1..].to_owned()),
            _ if line.starts_with(['+', '~', '>']) => self.add(line.to_owned()),
            _ => self.add(format!("> {line}")),
        }
    }

    fn add(&mut self, line: String) -> Result<(), String> {
        if read_line(&line)?.is_none() {
            return Ok(());
        }
        self.entries.push(Entry::Line(line));
        self.show_last()
    }

    /// Plays everything again in a world of its own, which takes microseconds an event, and shows what the last entry
    /// gave. A dialogue that is played again is the same: time and chance come from the kit.
    fn show_last(&mut self) -> Result<(), String> {
        let print_last = |_: &Entry, shown: Vec<String>, is_last| {
            if is_last {
                shown.iter().for_each(print_line);
            }
        };
        // The state is not looked at: a mode may keep it in a form of its own.
        let outcome = self.replay(print_last, |_| Ok(()));
        if outcome.is_err() {
            // What failed did not happen.
            self.entries.pop();
        }
        outcome
    }

    /// `each` gets every entry, the lines that it gave, and whether it is the last; `end` what has played them all.
    fn replay<T>(
        &self,
        mut each: impl FnMut(&Entry, Vec<String>, bool),
        end: impl FnOnce(&mut Player<'_>) -> Result<T, String>,
    ) -> Result<T, String> {
        let kit = self.first.afresh();
        let mut player = Player::new(&kit, Path::new("."));
        for (index, entry) in self.entries.iter().enumerate() {
            match entry {
                Entry::Line(line) => {
                    if let Some(step) = read_line(line)? {
                        player.act(&step)?;
                    }
                }
                Entry::Swap(next) => player.take_over(next)?,
            }
            let shown = player.shown().iter().map(ToString::to_string).collect();
            each(entry, shown, index + 1 == self.entries.len());
        }
        end(&mut player)
    }

    fn show_state(&self) -> Result<(), String> {
        match self.replay(|_, _, _| {}, |player| player.state())? {
            Some(state) => print_line(format_args!("{state:#}")),
            None => print_line("nothing has happened yet"),
        }
        Ok(())
    }

    fn undo(&mut self) -> Result<(), String> {
        if self.entries.len() < 2 {
            return Err("there is nothing to take back".to_owned());
        }
        if let Some(Entry::Line(line)) = self.entries.pop() {
            print_line(format_args!("taken back: {line}"));
        }
        Ok(())
    }

    fn swap(&mut self) -> Result<(), String> {
        if let Some(directory) = &self.target.directory {
            let name = directory.display().to_string();
            built(Some(&name)).map_err(|failure| failure.to_string())?;
        }
        self.entries.push(Entry::Swap(Box::new(Kit::file(&self.target.file, "{}")?)));
        self.show_last()?;
        print_line("swapped");
        Ok(())
    }

    fn save(&self, file: &str) -> Result<(), String> {
        if file.is_empty() {
            return Err("where to? For example: :save tests/mine.script".to_owned());
        }
        let mut script = String::new();
        self.replay(
            |entry, shown, _| {
                let line = match entry {
                    Entry::Line(line) => line.as_str(),
                    Entry::Swap(_) => "swap",
                };
                script += line;
                script.push('\n');
                shown.iter().for_each(|line| script += &format!("{line}\n"));
            },
            |_| Ok(()),
        )?;
        let path = PathBuf::from(file);
        if path.exists() {
            return Err(format!("{file} exists already; choose another name"));
        }
        std::fs::write(&path, script).map_err(|error| format!("cannot write {file}: {error}"))?;
        print_line(format_args!("{file} is written; modehost plugin test plays it"));
        Ok(())
    }
}
