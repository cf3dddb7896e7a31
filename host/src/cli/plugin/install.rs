//! `modehost plugin install`: a plugin from a file, an address or a registry into the plugin directory. Rule: it is written only
//! after the server's own load checks have passed with the settings in force, and a checksum or signature that is asked
//! for; a running server then takes it as any file that appears.

use std::path::Path;

use modehost_install::{Lock, Locked, Source, digest, signature};

use super::super::Failure;
use super::super::client::ConfigArguments;
use crate::plugin_file;
use crate::settings::Settings;
use crate::terminal::print_line;

pub const HELP: &str = "\
SOURCE is a file, an https:// address, or oci:// with the name of an image in a registry. It goes through \
every check of the server first, with the settings in force: its section, its grants. What was installed from \
where stands in plugins.lock beside the plugins; without SOURCE, everything that is named there and missing is \
fetched again, with exactly the same content. Where plugins.signing_keys is set, SOURCE.minisig has to be a \
signature by one of these keys; in a registry it is a file of the same image. Private registries take the \
login of `docker login`.

Examples:
  modehost plugin install pomodoro.wasm
  modehost plugin install https://example.org/pomodoro-1.2.0.wasm --sha256 3f0a...
  modehost plugin install oci://ghcr.io/team/pomodoro:1.2.0
  modehost plugin install --config /etc/modehost/modehost.yaml      all of plugins.lock";

#[derive(Debug, clap::Args)]
pub struct InstallArguments {
    /// File, https:// address or oci:// image of a component [default: all of plugins.lock]
    #[arg(value_name = "SOURCE")]
    source: Option<String>,
    /// SHA-256 that the file must have
    #[arg(long, value_name = "HEX", requires = "source", value_parser = digest::parse)]
    sha256: Option<String>,
    #[command(flatten)]
    server: ConfigArguments,
}

/// Installs one plugin, or what the lock file names.
pub fn run(arguments: InstallArguments) -> Result<(), Failure> {
    let loaded = arguments.server.load()?;
    let directory = &loaded.document.plugins.dir;
    let lock = Lock::read(directory).map_err(Failure::other)?;
    let installer = Installer { loaded: &loaded, directory, lock };
    match arguments.source {
        Some(source) => installer.install(&source, arguments.sha256.as_deref()),
        None => installer.restore(),
    }
}

struct Installer<'a> {
    loaded: &'a modehost_config::Loaded<Settings>,
    directory: &'a Path,
    lock: Lock,
}

impl Installer<'_> {
    fn install(mut self, text: &str, sha256: Option<&str>) -> Result<(), Failure> {
        let source = Source::parse(text).map_err(|error| Failure::Other(format!("{text} {error}")))?;
        let bytes = self.read(&source, sha256)?;
        let locked = self.place(&source, &bytes)?;
        self.lock.set(locked);
        self.lock.write(self.directory).map_err(Failure::other)
    }

    /// Fetches what is named in the lock file and missing or different in the directory.
    fn restore(self) -> Result<(), Failure> {
        if self.lock.plugins.is_empty() {
            let message =
                format!("{} names no plugin; give a file or an address", Lock::path(self.directory).display());
            return Err(Failure::Other(message));
        }
        for locked in &self.lock.plugins {
            let present = plugin_file::file_of(self.directory, &locked.id);
            let is_same = plugin_file::read(&present).is_ok_and(|bytes| digest::of(&bytes) == locked.sha256);
            if is_same {
                print_line(format_args!("{} {} is there already", locked.id, locked.version));
                continue;
            }
            let source =
                Source::parse(&locked.source).map_err(|error| Failure::Other(format!("{}: {error}", locked.id)))?;
            let bytes = self.read(&source, Some(&locked.sha256))?;
            self.place(&source, &bytes)?;
        }
        Ok(())
    }

    /// The bytes of a source, with the checksum and the signature that are asked for.
    fn read(&self, source: &Source, sha256: Option<&str>) -> Result<Vec<u8>, Failure> {
        if !matches!(source, Source::File(_)) {
            print_line(format_args!("fetching {source}"));
        }
        let refused = |why: &dyn std::fmt::Display| Failure::Other(format!("{source} {why}; nothing was installed"));
        let max = modehost_install::limits::PLUGIN_FILE_BYTES as usize;
        let bytes = source.read(max).map_err(|error| refused(&error))?;
        let actual = digest::of(&bytes);
        if let Some(expected) = sha256.filter(|expected| *expected != actual) {
            return Err(refused(&format!("has the SHA-256 {actual}, but {expected} is asked for")));
        }
        let keys = &self.loaded.document.plugins.signing_keys;
        if !keys.is_empty() {
            let keys: Result<Vec<_>, String> = keys.iter().map(|key| signature::parse_key(key)).collect();
            let keys =
                keys.map_err(|why| Failure::Configuration(format!("modehost: plugins.signing_keys: a key {why}")))?;
            let signed = source.signature();
            let text = signed.read(modehost_install::limits::SIGNATURE_BYTES);
            let text = text.map_err(|error| {
                refused(&format!("is not signed, which plugins.signing_keys asks for: {signed} {error}"))
            })?;
            signature::check(&bytes, &String::from_utf8_lossy(&text), &keys)
                .map_err(|error| Failure::Other(format!("{signed} {error}; nothing was installed")))?;
        }
        Ok(bytes)
    }

    /// Checks a component as the server would, and writes it under its id, or where a file of this plugin is already.
    fn place(&self, source: &Source, bytes: &[u8]) -> Result<Locked, Failure> {
        let name = source.to_string();
        let settings = &self.loaded.document;
        let generation = plugin_file::probe_bytes(settings, &self.loaded.sections, bytes, &name)
            .map_err(|error| Failure::Other(format!("{error}; nothing was installed")))?;
        let checked = generation.package();
        let file = plugin_file::file_of(self.directory, &checked.id);
        modehost_install::write(&file, bytes)
            .map_err(|error| Failure::Other(format!("cannot write {}: {error}", file.display())))?;
        let sha256 = digest::of(bytes);
        print_line(format_args!(
            "{} {} is installed as {}  sha256 {sha256}",
            checked.id,
            checked.version,
            file.display()
        ));
        if let Some(pin) = settings.plugins.pins.get(&checked.id).filter(|pin| **pin != sha256) {
            let id = &checked.id;
            print_line(format_args!(
                "plugins.pins.{id} still allows {pin} only: the version before serves until it fits"
            ));
        }
        Ok(Locked { id: checked.id.clone(), version: checked.version.clone(), source: source.to_text(), sha256 })
    }
}
