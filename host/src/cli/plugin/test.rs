//! `modehost plugin test`: plays the scripts of plugins in the test kit that is part of this binary. Rule: nothing is
//! built but the plugin; a difference is shown as lines of the script.

use std::path::{Path, PathBuf};
use std::time::Instant;

use modehost_testkit::Kit;
use modehost_testkit::script::{Script, WORDS};

use super::super::Failure;
use super::{Target, built};
use crate::terminal::print_line;

pub const HELP: &str = "\
A script is a file tests/NAME.script of a plugin: what happens, and everything that comes of it.

  start                      the plugin's first mode begins
  < Hello.                   the mode says this
  > start the timer          a person says this
  < Twenty-five minutes.
  +25m                       time passes, at once
  < Time is up.

What is not written must not happen. Each script is played once more for each of its events, with the \
plugin swapped behind that event: state that does not go along is found here. `--words` lists all words.

Examples:
  modehost plugin test                        all plugins of this workspace
  modehost plugin test pomodoro
  modehost plugin test pomodoro tests/late.script
  modehost plugin test my.wasm my.script      a plugin in any language, in any folder";

#[derive(Debug, clap::Args)]
pub struct TestArguments {
    /// Directory or id of a plugin, or a component [default: the plugin of this directory, or all]
    #[arg(value_name = "DIR|NAME|FILE")]
    plugin: Option<String>,
    /// Scripts [default: tests/*.script of the plugin]
    #[arg(value_name = "SCRIPT")]
    scripts: Vec<PathBuf>,
    /// Play each script once only, without swaps
    #[arg(long)]
    once: bool,
    /// List the words of scripts
    #[arg(long, exclusive = true)]
    words: bool,
}

/// Plays scripts; fails if one does not go as written.
pub fn run(arguments: &TestArguments) -> Result<(), Failure> {
    if arguments.words {
        for (form, meaning) in WORDS {
            print_line(format_args!("{form:<44} {meaning}"));
        }
        return Ok(());
    }
    let started = Instant::now();
    let (mut played, mut failed) = (0, 0);
    for target in built(arguments.plugin.as_deref())? {
        let scripts = if arguments.scripts.is_empty() { scripts_of(&target)? } else { arguments.scripts.clone() };
        print_line(&target.id);
        let kit = Kit::file(&target.file, "{}").map_err(Failure::Other)?;
        for script in &scripts {
            played += 1;
            match play(&kit, script, arguments.once)? {
                Ok(told) => print_line(format_args!("  ok    {}   {told}", script.display())),
                Err(why) => {
                    failed += 1;
                    print_line(format_args!("  FAIL  {}", why.replace('\n', "\n        ")));
                }
            }
        }
    }
    match (played, failed) {
        (0, _) => Err(Failure::Other(
            "there is no script; write one as tests/hello.script in the plugin's folder (`modehost plugin test --help` shows how)"
                .to_owned(),
        )),
        (_, 0) => {
            print_line(format_args!("{}, {:.2} s", counted(played, "script"), started.elapsed().as_secs_f32()));
            Ok(())
        }
        (_, failed) => Err(Failure::Other(format!("{failed} of {} failed", counted(played, "script")))),
    }
}

/// Plays one script; the inner error is what did not go as written.
fn play(kit: &Kit, path: &Path, once: bool) -> Result<Result<String, String>, Failure> {
    let text = modehost_follow::read_text(path, crate::limits::SCRIPT_BYTES)
        .map_err(|error| Failure::Other(format!("cannot read {}: {error}", path.display())))?;
    let directory = path.parent().unwrap_or(Path::new("."));
    let script = match Script::read(&path.display().to_string(), &text, directory) {
        Ok(script) => script,
        Err(error) => return Ok(Err(error.to_string())),
    };
    let outcome = if once { script.play(kit) } else { script.play_with_swaps(kit) };
    Ok(match outcome {
        Ok(played) if played.swaps > 0 => {
            let each =
                if played.swaps == played.events { "each".to_owned() } else { format!("{} of them", played.swaps) };
            Ok(format!("{}, and again with a swap behind {each}", counted(played.events, "event")))
        }
        Ok(played) => Ok(counted(played.events, "event")),
        Err(mismatch) => Err(mismatch.to_string()),
    })
}

/// The scripts of a plugin's folder; a file has none of its own.
fn scripts_of(target: &Target) -> Result<Vec<PathBuf>, Failure> {
    let Some(directory) = &target.directory else {
        let message = format!("which script? For example: modehost plugin test {} my.script", target.file.display());
        return Err(Failure::Other(message));
    };
    let files = std::fs::read_dir(directory.join("tests")).into_iter().flatten();
    let mut scripts: Vec<PathBuf> = files.filter_map(|file| Some(file.ok()?.path())).collect();
    scripts.retain(|path| path.extension().is_some_and(|end| end == "script"));
    scripts.sort();
    // Shown, and written in messages, as a person would name it.
    let here = std::env::current_dir().unwrap_or_default();
    Ok(scripts.into_iter().map(|path| path.strip_prefix(&here).map(Path::to_owned).unwrap_or(path)).collect())
}

fn counted(count: usize, noun: &str) -> String {
    if count == 1 { format!("1 {noun}") } else { format!("{count} {noun}s") }
}
