//! Checks of `modehost check` across several settings. Rule: what a start would reject is an error, what it would
//! accept but nobody can intend is a warning; each at its line.

use std::collections::BTreeSet;
use std::net::{IpAddr, SocketAddr, TcpListener};

use modehost_config::{Diagnostic, Loaded, path};
use modehost_gateway::{BindError, ConfiguredAddress, address_key, check_addresses};
use modehost_plugin::grants::Grant;

use crate::plugin_file::Probed;
use crate::settings::Settings;

/// Addresses and ports as a start would find them on this machine. Whether a port is in use is not checked, since the
/// server that uses it may be the one that this file is for.
pub fn addresses(loaded: &Loaded<Settings>) -> Vec<Diagnostic> {
    let server = &loaded.document.server;
    let wanted = match check_addresses(server) {
        Ok(wanted) => wanted,
        Err(error) => return vec![loaded.diagnostic_for_value(&pointer(error.key()), error.to_string())],
    };
    let mut seen = BTreeSet::new();
    let foreign = wanted.into_iter().filter(|wanted| seen.insert(wanted.address.ip()) && !is_here(wanted.address.ip()));
    foreign
        .map(|ConfiguredAddress { address, key }| {
            let key = address_key(key);
            let error = BindError::AddressNotAvailable { address, key };
            loaded.diagnostic_for_value(&pointer(key), error.to_string())
        })
        .collect()
}

/// `server.port` as a JSON pointer.
fn pointer(key: &str) -> String {
    format!("/{}", key.replace('.', "/"))
}

/// Whether this machine has the address; true if that cannot be determined.
fn is_here(ip: IpAddr) -> bool {
    match TcpListener::bind(SocketAddr::new(ip, 0)) {
        Ok(_) => true,
        Err(error) => error.kind() != std::io::ErrorKind::AddrNotAvailable,
    }
}

/// Grants and pins for unknown plugins, grants that are not requested, and webhooks that are missing or not granted.
/// `plugins` are those of the directory; built-in settings are not reported.
pub fn grants(loaded: &Loaded<Settings>, plugins: &[Probed]) -> Vec<Diagnostic> {
    let Settings { plugins: settings, hooks, .. } = &loaded.document;
    let mut found = Vec::new();
    let mut granted_hooks = Vec::new();
    for (id, texts) in &settings.grants {
        let grants_pointer = path::join("/plugins/grants", id);
        let own = plugins.iter().find(|plugin| plugin.id == *id);
        let is_set = loaded.is_set(&grants_pointer);
        if is_set && own.is_none() && !texts.is_empty() {
            found.push(
                loaded
                    .diagnostic_for_key(&grants_pointer, "no plugin of the folder has this id, so nothing is granted"),
            );
        }
        for (number, text) in texts.iter().enumerate() {
            let Ok(grant) = Grant::parse(text) else { continue };
            let at = format!("{grants_pointer}/{number}");
            if is_set
                && own.is_some_and(|own| !own.requested.iter().any(|asked| grant.covers(asked) || asked.covers(&grant)))
            {
                found.push(loaded.diagnostic_for_value(&at, "the plugin does not ask for this, so it does nothing"));
            }
            let Some(hook) = text.strip_prefix("hook:") else { continue };
            granted_hooks.push(hook);
            if is_set && !hook.ends_with('*') && !hooks.contains_key(hook) {
                found.push(loaded.diagnostic_for_value(&at, "there is no such webhook under `hooks`"));
            }
        }
    }
    let is_granted = |name: &String| {
        let fits = |granted: &&str| granted.strip_suffix('*').map_or(name == granted, |start| name.starts_with(start));
        granted_hooks.iter().any(fits)
    };
    for name in hooks.keys().filter(|name| !is_granted(name)) {
        let message = "no plugin may post there: grant it as `hook:<name>` in plugins.grants";
        found.push(loaded.diagnostic_for_key(&path::join("/hooks", name), message));
    }
    for (id, pin) in &settings.pins {
        let at = path::join("/plugins/pins", id);
        match plugins.iter().find(|plugin| plugin.id == *id) {
            None => found.push(loaded.diagnostic_for_key(&at, "no plugin of the folder has this id")),
            Some(plugin) if plugin.sha256 != *pin => {
                let message = "the file in the folder has another content, which a start does not take; `modehost plugin \
                               inspect` prints its checksum";
                found.push(loaded.diagnostic_for_value(&at, message));
            }
            Some(_) => {}
        }
    }
    found
}
