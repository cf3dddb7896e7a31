//! `modehost check`. Rule: says everything that is wrong at once, and what it could not look at;
//! changes nothing.

use std::path::PathBuf;

use modehost_config::render_reference;
use serde_json::Value;

use super::Failure;
use crate::app::sections::Owners;
use crate::plugin_file;
use crate::settings::{self, Origin};
use crate::terminal::say;

#[derive(Debug, clap::Args)]
pub struct CheckArguments {
    /// Configuration file
    #[arg(value_name = "FILE", required_unless_present_any = ["schema", "reference"])]
    file: Option<PathBuf>,
    /// Prints the JSON Schema of the configuration instead
    #[arg(long, conflicts_with_all = ["file", "reference"])]
    schema: bool,
    /// Prints every setting as commented YAML instead
    #[arg(long, conflicts_with = "file")]
    reference: bool,
}

/// Checks a file, or prints what files may hold.
pub fn run(arguments: &CheckArguments) -> Result<(), Failure> {
    let schema = settings::schema();
    if arguments.schema {
        say(schema.trim_end());
        return Ok(());
    }
    if arguments.reference {
        let schema: Value = serde_json::from_str(&schema).map_err(Failure::other)?;
        say(render_reference(&schema).trim_end());
        return Ok(());
    }
    let source = Origin { file: arguments.file.clone(), ..Origin::default() }.source();
    let loaded = settings::load(&source)?;
    let mut owners = Owners::default().with_named(&loaded.document);
    let folder = &loaded.document.plugins.dir;
    for (file, probed) in plugin_file::probe_folder(&loaded.document).map_err(Failure::other)? {
        match probed {
            Ok(probed) => drop(owners.schemas.insert(probed.id, probed.config_schema)),
            Err(error) => say(format_args!("warning: {}: {error}", file.display())),
        }
    }
    let problems = owners.check(&loaded);
    if !problems.is_empty() {
        return Err(modehost_config::Problems::sorted(problems).into());
    }
    let unchecked = owners.unchecked(&loaded);
    if !unchecked.is_empty() {
        let names = unchecked.join(", ");
        say(format_args!("not checked, since their plugins are not in {}: {names}", folder.display()));
    }
    say("ok");
    Ok(())
}
