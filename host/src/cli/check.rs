//! `modehost check`. Rule: reports all problems at once, and what could not be checked; changes nothing.

mod findings;

use std::path::{Path, PathBuf};

use crate::limits;
use modehost_config::{Diagnostics, Loaded, Location};
use serde_json::Value;

use super::Failure;
use crate::app::default_mode;
use crate::app::sections::Owners;
use crate::plugin_file;
use crate::settings::{self, Origin, Settings, preset};
use crate::terminal::{print_error, print_line};

#[derive(Debug, clap::Args)]
pub struct CheckArguments {
    /// Configuration file; with --reference the schemas of plugins, <plugin>/config.schema.json
    #[arg(value_name = "FILE", required_unless_present_any = ["schema", "reference"])]
    files: Vec<PathBuf>,
    /// Data directory of the service; overrides the setting storage.dir
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// Plugin directory of the service; overrides the setting plugins.dir
    #[arg(long, value_name = "DIR")]
    plugins: Option<PathBuf>,
    /// Prints the JSON Schema of the configuration instead
    #[arg(long, conflicts_with_all = ["files", "reference"])]
    schema: bool,
    /// Prints every setting as a table in Markdown instead
    #[arg(long)]
    reference: bool,
}

/// Checks a file, or prints the schema or the reference.
pub fn run(arguments: &CheckArguments) -> Result<(), Failure> {
    if arguments.schema {
        print_line(settings::schema().trim_end());
        return Ok(());
    }
    if arguments.reference {
        let sections: Result<Vec<_>, _> = arguments.files.iter().map(|file| read_schema(file)).collect();
        print_line(settings::reference(&sections?).trim_end());
        return Ok(());
    }
    let [file] = &arguments.files[..] else {
        return Err(Failure::Configuration("modehost: check one configuration file at a time".to_owned()));
    };
    let option = |directory: &Option<PathBuf>, name, steps: &[&str]| {
        directory.iter().map(|path| preset(name, steps, path.display().to_string())).collect()
    };
    let preset: Vec<_> = option(&arguments.plugins, "--plugins", &["plugins", "dir"]);
    let source = Origin { file: Some(file.clone()), data: arguments.data.clone(), preset }.source();
    check(&settings::load(&source)?)
}

fn check(loaded: &Loaded<Settings>) -> Result<(), Failure> {
    let mut problems = findings::addresses(loaded);
    let mut warnings = settings::advice(loaded);
    let mut owners = Owners::default().with_named(&loaded.document);
    let directory = &loaded.document.plugins.dir;
    let is_there = directory.is_dir();
    let mut plugins = Vec::new();
    for (file, probed) in plugin_file::probe_directory(&loaded.document).map_err(Failure::other)? {
        match probed {
            Ok(probed) => {
                owners.schemas.insert(probed.id.clone(), probed.config_schema.clone());
                plugins.push(probed);
            }
            Err(error) => print_error(format_args!("warning: {}: {error}", file.display())),
        }
    }
    problems.extend(owners.check(loaded));
    if is_there {
        let modes: Vec<String> = plugins.iter().flat_map(|plugin| plugin.modes.clone()).collect();
        if plugins.is_empty() && loaded.document.session.default_mode.is_some() {
            let message = format!("no plugin is in {}, so nobody would be answered", directory.display());
            problems.push(loaded.diagnostic_for_value("/plugins/dir", message));
        } else {
            problems.extend(default_mode::unknown(loaded, &modes));
        }
        warnings.extend(findings::grants(loaded, &plugins));
    }
    for warning in &warnings {
        match &warning.location {
            // Built-in settings have no line that an operator could look at.
            Location::Text { name, .. } if name == settings::BUILT_IN.0 => {
                print_error(format_args!("warning: {}: {}", warning.setting, warning.message));
            }
            _ => print_error(format_args!("warning: {warning}")),
        }
    }
    if !problems.is_empty() {
        return Err(Diagnostics::sorted(problems).into());
    }
    match is_there {
        true => print_line(format_args!("plugins looked at: {} in {}", plugins.len(), directory.display())),
        false => print_line(format_args!(
            "plugins not looked at: there is no folder {}; where the service has them elsewhere, say so with --plugins or \
             as the service does (MODEHOST__PLUGINS__DIR)",
            directory.display()
        )),
    }
    let unchecked = owners.unchecked(loaded);
    if !unchecked.is_empty() {
        let names = unchecked.join(", ");
        print_line(format_args!("not checked, since their plugins are not in {}: {names}", directory.display()));
    }
    if loaded.document.config.remote.is_some() {
        print_line(
            "not checked: what config.remote.url gives; a server that runs takes it or says what is wrong with it",
        );
    }
    print_line("ok");
    Ok(())
}

/// The schema of a plugin, with the name of its directory.
fn read_schema(file: &Path) -> Result<(String, Value), Failure> {
    let shown = file.display();
    let name = file.parent().and_then(Path::file_name).map(|name| name.to_string_lossy().into_owned());
    let name = name.ok_or_else(|| Failure::Other(format!("{shown} stands in no folder that names its plugin")))?;
    let text = modehost_follow::read_text(file, limits::CONFIG_BYTES)
        .map_err(|error| Failure::Other(format!("{shown}: {error}")))?;
    let schema = serde_json::from_str(&text).map_err(|error| Failure::Other(format!("{shown}: {error}")))?;
    Ok((name, schema))
}
