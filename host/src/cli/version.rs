//! `modehost --version`. Rule: the first line is the name, the version and, where it is known, the commit in brackets,
//! for programs; further build details follow, a line each.

use std::sync::OnceLock;

use modehost_plugin::ContractVersion;

/// The text after the program name.
pub fn long() -> &'static str {
    static TEXT: OnceLock<String> = OnceLock::new();
    TEXT.get_or_init(|| text(env!("MODEHOST_BUILT_FROM")))
}

fn text(commit: &str) -> String {
    let version = env!("CARGO_PKG_VERSION");
    let (brackets, commit) = match commit {
        "" => (String::new(), "not known (a build for development, or outside a checkout)"),
        commit => (format!(" ({commit})"), commit),
    };
    let features = [("otel", true), ("whisper", cfg!(feature = "whisper"))];
    let features: Vec<_> = features.into_iter().filter_map(|(name, is_in)| is_in.then_some(name)).collect();
    let features = features.join(", ");
    let contracts = ContractVersion::ALL.map(ContractVersion::version).join(", ");
    let target = env!("MODEHOST_BUILT_FOR");
    format!("{version}{brackets}\ncommit: {commit}\nfeatures: {features}\nmodehost:mode: {contracts}\ntarget: {target}")
}

#[cfg(test)]
mod tests {
    use super::text;

    #[test]
    fn the_commit_stands_in_the_first_line() {
        let version = env!("CARGO_PKG_VERSION");
        assert_eq!(text("0123abc-changed").lines().next(), Some(format!("{version} (0123abc-changed)").as_str()));
        assert_eq!(text("").lines().next(), Some(version));
    }
}
