//! `modehost check`. Rule: says everything that is wrong at once, and what it could not look at;
//! changes nothing.

use std::path::{Path, PathBuf};

use modehost_limits as limits;
use serde_json::Value;

use super::Failure;
use crate::app::sections::Owners;
use crate::plugin_file;
use crate::settings::{self, Origin};
use crate::terminal::say;

#[derive(Debug, clap::Args)]
pub struct CheckArguments {
    /// Configuration file; with --reference the schemas of plugins, <plugin>/config.schema.json
    #[arg(value_name = "FILE", required_unless_present_any = ["schema", "reference"])]
    files: Vec<PathBuf>,
    /// Prints the JSON Schema of the configuration instead
    #[arg(long, conflicts_with_all = ["files", "reference"])]
    schema: bool,
    /// Prints every setting as a table in Markdown instead
    #[arg(long)]
    reference: bool,
}

/// Checks a file, or prints what files may hold.
pub fn run(arguments: &CheckArguments) -> Result<(), Failure> {
    if arguments.schema {
        say(settings::schema().trim_end());
        return Ok(());
    }
    if arguments.reference {
        let sections: Result<Vec<_>, _> = arguments.files.iter().map(|file| read_schema(file)).collect();
        say(settings::reference(&sections?).trim_end());
        return Ok(());
    }
    let [file] = &arguments.files[..] else {
        return Err(Failure::Configuration("modehost: check one configuration file at a time".to_owned()));
    };
    let source = Origin { file: Some(file.clone()), ..Origin::default() }.source();
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
    if loaded.document.config.remote.is_some() {
        say("not checked: what config.remote.url gives; a server that runs takes it or says what is wrong with it");
    }
    say("ok");
    Ok(())
}

/// The schema of a plugin, under the name of its folder.
fn read_schema(file: &Path) -> Result<(String, Value), Failure> {
    let shown = file.display();
    let name = file.parent().and_then(Path::file_name).map(|name| name.to_string_lossy().into_owned());
    let name = name.ok_or_else(|| Failure::Other(format!("{shown} stands in no folder that names its plugin")))?;
    let text = modehost_follow::read_text(file, limits::CONFIG_BYTES)
        .map_err(|error| Failure::Other(format!("{shown}: {error}")))?;
    let schema = serde_json::from_str(&text).map_err(|error| Failure::Other(format!("{shown}: {error}")))?;
    Ok((name, schema))
}
