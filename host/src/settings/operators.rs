//! The section `operators`. Rule: what people said is shown to nobody unless the operator has said so here.

use garde::Validate;
use modehost_gateway::config::OperatorSecret;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::limits;

/// Section `operators`: the console, and what operators may see.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, Validate, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct OperatorSettings {
    /// Whether operators who watch a plugin or a device see texts and states as well, not only names, times and sizes:
    /// what people say, what they are answered and what modes keep. Each watch is a line of the audit. Default false,
    /// with `modehost dev` true. Hot.
    #[garde(skip)]
    pub show_dialogue: bool,
    /// Whether the console is served, at `/` of the port of `/api/v1`. Default true. Hot.
    #[garde(skip)]
    pub console: bool,
    /// Host names by which browsers may call the console where no `server.admin_token` is set, beside `localhost` and
    /// addresses of this machine: such as `box.lan`. Default none. Hot.
    #[garde(inner(custom(is_name)))]
    pub host_names: Vec<String>,
    /// Token of those who may look and change nothing: status, devices, plugins, metrics, logs and settings, without
    /// anything that was said or kept. Default none. Hot.
    #[garde(inner(custom(is_given)))]
    pub viewer_token: Option<OperatorSecret>,
    /// Calls of `/api/v1` that one address may make in a minute, 60 to 1,000,000; a fifth of them at once. Beyond it they
    /// are answered with 429. Default 6,000. Hot.
    #[garde(range(min = 60, max = 1_000_000))]
    pub calls_per_minute: u32,
}

impl Default for OperatorSettings {
    fn default() -> Self {
        Self {
            show_dialogue: false,
            console: true,
            host_names: Vec::new(),
            viewer_token: None,
            calls_per_minute: limits::OPERATOR_CALLS_PER_MINUTE,
        }
    }
}

fn is_given(secret: &OperatorSecret, _: &()) -> garde::Result {
    if secret.expose().trim().is_empty() {
        return Err(garde::Error::new("must not be empty"));
    }
    Ok(())
}

fn is_name(name: &str, _: &()) -> garde::Result {
    let is_letter = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_');
    if name.is_empty() || name.len() > 253 || !name.bytes().all(is_letter) {
        return Err(garde::Error::new("must be a host name without port, such as box.lan"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_a_host_name() {
        for (name, good) in
            [("box.lan", true), ("box", true), ("", false), ("http://box", false), ("box:8003", false), ("a b", false)]
        {
            assert_eq!(is_name(name, &()).is_ok(), good, "{name:?}");
        }
    }
}
