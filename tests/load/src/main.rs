//! `modehost-load`: see `--help`, and the library of the same name.
#![allow(clippy::print_stdout, reason = "the result of a measurement goes to the standard output")]

use clap::Parser;
use modehost_load::cli::{self, Cli};

fn main() -> anyhow::Result<()> {
    let output = cli::run(Cli::parse())?;
    print!("{output}");
    Ok(())
}
