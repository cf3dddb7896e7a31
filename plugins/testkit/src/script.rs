//! Tests as lines of text, for a plugin in any language. Rule: output that is not written fails the script; a script
//! that passes lists everything that people and other systems see of the mode.
//!
//! ```text
//! # A comment.
//! > start the timer          the person says
//! < Twenty-five minutes.     the mode says
//! +25m                       time passes
//! < Time is up.
//! ```
//!
//! - [`words`]: syntax of the lines
//! - [`shown`]: output of a mode, as lines
//! - [`player`]: plays lines in the kit

mod player;
mod shown;
pub mod words;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use modehost_plugin::WasmGeneration;

pub use player::Player;
pub use shown::Shown;
pub use words::{Line, ScriptError, Step, WORDS, read_line};

use crate::{Kit, component};

/// Limit of the runs of one script with a swap: each plays the whole script, so one for each event would take hours
/// for a long script.
const SWAPS: usize = 500;

/// A parsed script.
#[derive(Debug)]
pub struct Script {
    name: String,
    /// Base directory of the files that the script names.
    directory: PathBuf,
    lines: Vec<Line>,
}

/// A step that did not go as written.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{name}:{line}: {message}")]
pub struct Mismatch {
    /// Name of the script.
    pub name: String,
    /// Line of the step, from 1.
    pub line: usize,
    /// What was written and what happened, on several lines.
    pub message: String,
}

/// Size of a script that passed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Played {
    /// Events that the mode handled in one run.
    pub events: usize,
    /// Additional runs, each with a swap after another event.
    pub swaps: usize,
}

impl Script {
    /// Parses a script. `name` appears in errors; files are relative to `directory`.
    ///
    /// # Errors
    /// The first invalid line, or a script without input.
    pub fn read(name: &str, text: &str, directory: &Path) -> Result<Self, ScriptError> {
        let mut lines = Vec::new();
        for (index, text) in text.lines().enumerate() {
            let number = index + 1;
            let error = |message| ScriptError { name: name.to_owned(), line: number, message };
            lines.extend(read_line(text).map_err(error)?.map(|step| Line {
                number,
                text: text.trim().to_owned(),
                step,
            }));
        }
        if !lines.iter().any(Line::is_input) {
            let message = "nothing happens in this script; `> hello` is what a person says".to_owned();
            return Err(ScriptError {
                name: name.to_owned(),
                line: lines.last().map_or(1, |line| line.number),
                message,
            });
        }
        Ok(Self { name: name.to_owned(), directory: directory.to_owned(), lines })
    }

    /// Plays the script once.
    ///
    /// # Errors
    /// The first step that did not go as written.
    pub fn play(&self, kit: &Kit) -> Result<Played, Mismatch> {
        self.play_with(kit, None)
    }

    /// Plays the script once, and then once for each of its events with every instance replaced after that event by
    /// one that restores its state, as if the plugin had been swapped there. Of more than 500 events, at most 500 are
    /// taken, evenly spaced. A script that names versions itself (`plugin`, `swap FILE`) is played once only.
    ///
    /// # Errors
    /// As [`play`](Self::play); if only a run with a swap fails, the message names the event.
    pub fn play_with_swaps(&self, kit: &Kit) -> Result<Played, Mismatch> {
        let played = self.play(kit)?;
        // If a script names versions itself, an earlier swap to one of them would change the output.
        let names_versions = self.lines.iter().any(|line| matches!(line.step, Step::Plugin(_) | Step::Swap(Some(_))));
        let last = if names_versions { 0 } else { played.events };
        let mut swaps = 0;
        for event in (1..=last).step_by(last.div_ceil(SWAPS).max(1)) {
            swaps += 1;
            self.play_with(kit, Some(event)).map_err(|mismatch| Mismatch {
                message: format!(
                    "only if the plugin is swapped behind event {event} of {}; the state does not carry everything:\n{}",
                    played.events, mismatch.message
                ),
                ..mismatch
            })?;
        }
        Ok(Played { swaps, ..played })
    }

    fn play_with(&self, kit: &Kit, swap_behind: Option<usize>) -> Result<Played, Mismatch> {
        let kit = kit.afresh();
        kit.world.borrow_mut().swap_behind = swap_behind.map(|event| (event, kit.generation.clone()));
        let mut player = Player::new(&kit, &self.directory);
        for line in &self.lines {
            player.play(line).map_err(|failed| self.mismatch(failed.0, failed.1))?;
        }
        player.finish().map_err(|failed| self.mismatch(failed.0, failed.1))?;
        let events = kit.world.borrow().handled;
        Ok(Played { events, swaps: 0 })
    }

    fn mismatch(&self, line: usize, message: String) -> Mismatch {
        Mismatch { name: self.name.clone(), line, message }
    }
}

/// Loads a plugin that a script names.
fn named_plugin(directory: &Path, file: &Path) -> Result<Arc<WasmGeneration>, String> {
    component::load_file(&directory.join(file), "{}")
}
