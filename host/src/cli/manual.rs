//! `modehost completions` and `modehost manual`. Rule: both are generated from the clap commands, so neither can
//! describe what the program does not do.

use std::path::PathBuf;

use clap_complete::Shell;
use clap_mangen::Man;

use super::Failure;
use crate::terminal::print_line;

pub const COMPLETIONS_HELP: &str = "\
Examples:
  modehost completions bash > /usr/share/bash-completion/completions/modehost
  modehost completions zsh > /usr/share/zsh/site-functions/_modehost
  modehost completions fish > /usr/share/fish/vendor_completions.d/modehost.fish";

pub const MANUAL_HELP: &str = "\
Examples:
  modehost manual | man -l -
  modehost manual /usr/local/share/man/man1     modehost.1, modehost-serve.1 and so on";

#[derive(Debug, clap::Args)]
pub struct CompletionsArguments {
    /// Shell to print the script for
    #[arg(value_name = "SHELL")]
    shell: Shell,
}

#[derive(Debug, clap::Args)]
pub struct ManualArguments {
    /// Directory for one page per command; without it the first page is printed
    #[arg(value_name = "FOLDER")]
    folder: Option<PathBuf>,
}

/// Prints the completion script of a shell.
pub fn completions(arguments: &CompletionsArguments, mut command: clap::Command) {
    let mut script = Vec::new();
    clap_complete::generate(arguments.shell, &mut command, "modehost", &mut script);
    print_line(String::from_utf8_lossy(&script).trim_end());
}

/// Prints the manual page, or writes all of them.
pub fn manual(arguments: ManualArguments, command: clap::Command) -> Result<(), Failure> {
    // A one-line version, since pages show it in their footer. There is no page about `help`.
    let command = command.long_version(env!("CARGO_PKG_VERSION")).disable_help_subcommand(true);
    let Some(folder) = arguments.folder else {
        let mut page = Vec::new();
        Man::new(command).render(&mut page).map_err(Failure::other)?;
        print_line(String::from_utf8_lossy(&page).trim_end());
        return Ok(());
    };
    let refused = |error| Failure::Other(format!("{}: {error}", folder.display()));
    std::fs::create_dir_all(&folder).map_err(refused)?;
    clap_mangen::generate_to(command, &folder).map_err(refused)?;
    print_line(folder.display());
    Ok(())
}
