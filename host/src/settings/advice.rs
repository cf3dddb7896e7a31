//! Warnings about settings that are valid but risky. Rule: a warning never stops anything; it names the setting and the
//! fix, and shows no secret.

use std::collections::BTreeSet;
use std::net::IpAddr;

use modehost_config::{Diagnostic, Loaded, path};

use super::Settings;

/// All warnings, which an operator should see at each start.
pub fn advice(loaded: &Loaded<Settings>) -> Vec<Diagnostic> {
    let mut advice: Vec<Diagnostic> = open_to_all(loaded).into_iter().collect();
    advice.extend(weak_secrets(loaded));
    advice.extend(proxied_operators(loaded));
    advice
}

/// No sign-in on a public address: anyone who reaches the port may act as any device.
fn open_to_all(loaded: &Loaded<Settings>) -> Option<Diagnostic> {
    let Settings { server, auth, .. } = &loaded.document;
    let ip = server.ip.trim();
    let ip: Option<IpAddr> = ip.trim_matches(['[', ']']).parse().ok();
    let is_local = ip.is_none_or(|ip| ip.is_loopback());
    if is_local || !auth.methods.is_empty() {
        return None;
    }
    let (ip, port) = (&server.ip, server.port);
    let message = format!(
        "OPEN: no sign-in is configured, so whoever reaches {ip}:{port} may be any device; set auth.methods and what \
         it names (auth.tokens, auth.device_token, …), or server.ip: 127.0.0.1"
    );
    Some(loaded.diagnostic_for_key("/auth/methods", message))
}

/// Requests through a proxy on this machine look local if the proxy does not add forwarding headers.
fn proxied_operators(loaded: &Loaded<Settings>) -> Option<Diagnostic> {
    let server = &loaded.document.server;
    let is_local = |proxy: &String| proxy.starts_with("127.") || proxy.starts_with("::1") || proxy.ends_with("/0");
    let open = server.admin_token.is_none() && server.operator_address.is_none();
    (open && server.trusted_proxies.iter().any(is_local)).then(|| {
        let message = "there is a proxy on this machine, and /api/v1 serves this machine without a token; set a token";
        loaded.diagnostic_for_key("/server/admin_token", message)
    })
}

/// Shorter secrets can be found by trial.
const SECRET_CHARACTERS: usize = 16;
/// Fewer different characters are a pattern.
const SECRET_VARIETY: usize = 6;
/// Placeholders from documentation.
const FROM_DOCUMENTS: [&str; 4] = ["change-me", "changeme", "replace-me", "example"];

fn weak_secrets(loaded: &Loaded<Settings>) -> Vec<Diagnostic> {
    let Settings { server, auth, hooks, config, operators, .. } = &loaded.document;
    let jwt = auth.jwt.as_ref().and_then(|jwt| jwt.secret.as_ref());
    let remote = config.remote.as_ref().and_then(|remote| remote.secret.as_ref());
    let single = [
        ("/server/secret", server.secret.as_ref().map(|secret| secret.expose())),
        ("/operators/viewer_token", operators.viewer_token.as_ref().map(|token| token.expose())),
        ("/server/admin_token", server.admin_token.as_ref().map(|token| token.expose())),
        ("/auth/device_token/key", auth.device_token.as_ref().map(|token| token.key.expose())),
        ("/auth/jwt/secret", jwt.map(|secret| secret.expose())),
        ("/config/remote/secret", remote.map(|secret| secret.expose())),
    ];
    let mut secrets: Vec<(String, &str)> =
        single.into_iter().filter_map(|(pointer, secret)| Some((pointer.to_owned(), secret?))).collect();
    for (number, token) in auth.tokens.iter().enumerate() {
        secrets.push((format!("/auth/tokens/{number}/token"), token.token.expose()));
    }
    for (name, hook) in hooks {
        let pointer = path::join(&path::join("/hooks", name), "secret");
        secrets.extend(hook.secret.as_ref().map(|secret| (pointer, secret.expose())));
    }
    let weak = secrets.into_iter().filter_map(|(pointer, secret)| Some((pointer, weakness(secret)?)));
    weak.map(|(pointer, why)| {
        let message = format!("can be guessed: {why}; take a random one, such as `openssl rand -hex 32` gives");
        loaded.diagnostic_for_key(&pointer, message)
    })
    .collect()
}

fn weakness(secret: &str) -> Option<&'static str> {
    let lower = secret.to_lowercase();
    if FROM_DOCUMENTS.iter().any(|word| lower.contains(word)) {
        return Some("it stands in a document");
    }
    if secret.chars().count() < SECRET_CHARACTERS {
        return Some("it is shorter than 16 characters");
    }
    let variety = secret.chars().collect::<BTreeSet<_>>().len();
    (variety < SECRET_VARIETY).then_some("it has fewer than 6 different characters")
}

#[cfg(test)]
mod tests {
    use modehost_config::Source;

    use super::super::BUILT_IN;
    use super::*;

    fn warnings_for(text: &str) -> Vec<String> {
        let source = Source { embedded: BUILT_IN, file: None, overrides: Vec::new() };
        let loaded = source.load_text::<Settings>("c.yaml", text).expect("a document");
        advice(&loaded).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn what_is_open_and_what_can_be_guessed_is_told_with_its_remedy() {
        let warnings = warnings_for("server: { admin_token: hunter2 }\n");
        assert_eq!(warnings.len(), 2, "{warnings:?}");
        assert!(warnings[0].contains("auth.methods: OPEN") && warnings[0].contains("0.0.0.0:8004"), "{warnings:?}");
        assert!(warnings[1].starts_with("c.yaml:1:11: server.admin_token: can be guessed"), "{warnings:?}");
        assert!(warnings.iter().all(|line| !line.contains("hunter2")), "{warnings:?}");

        for open in ["server: { ip: 127.0.0.1 }\n", "server: { ip: '[::1]' }\n", "server: { ip: localhost }\n"] {
            assert_eq!(warnings_for(open), Vec::<String>::new(), "{open}");
        }
        let closed =
            "auth: { methods: [tokens], tokens: [{ token: 5f0a9be47c31d2687f0e }, { token: aaaaaaaaaaaaaaaaaaaa }] }\n";
        let warnings = warnings_for(closed);
        assert!(warnings.len() == 1 && warnings[0].contains("auth.tokens[1].token: can be guessed"), "{warnings:?}");
    }
}
