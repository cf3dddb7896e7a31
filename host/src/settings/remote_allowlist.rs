//! Which settings `config.remote` may set. Rule: what runs, where files are, credentials of operators and trusted
//! proxies are not listed here; sign-in has its own switch in the file.

use modehost_config::{RemotePolicy, Switch};

/// Allowed sources of each setting; one that is not listed may only come from the file and the environment.
pub const REMOTE_ALLOWLIST: RemotePolicy = RemotePolicy {
    anywhere: ANYWHERE,
    if_enabled: SIGN_IN,
    switch: "config.remote.sign_in",
    about: "what says who may connect (section `auth`)",
};

/// The sign-in switch of the file, for this version of the server: if it is missing, remote sign-in is accepted with a
/// warning before 0.3 and rejected from then on.
pub fn sign_in(setting: Option<bool>) -> Switch {
    switch_for(setting, env!("CARGO_PKG_VERSION"))
}

fn switch_for(setting: Option<bool>, version: &str) -> Switch {
    let mut numbers = version.split('.').map(|number| number.parse::<u32>().unwrap_or(u32::MAX));
    let is_before = matches!((numbers.next(), numbers.next()), (Some(0), Some(0..=2)));
    match setting {
        Some(true) => Switch::On,
        None if is_before => Switch::Unset(UNSET_WARNING),
        Some(false) | None => Switch::Off,
    }
}

const UNSET_WARNING: &str = "what config.remote.url gives says who may connect (section `auth`), and the file does not say \
    that it may: set config.remote.sign_in to true, or take the section out there; from version 0.3 on it is refused";

const ANYWHERE: &[&str] = &[
    "/asr/doubao/access_key",
    "/asr/doubao/app_key",
    "/asr/doubao/end_window_ms",
    "/asr/doubao/language",
    "/asr/doubao/resource_id",
    "/asr/doubao/url",
    "/asr/funasr/accept_invalid_certificates",
    "/asr/funasr/hotwords",
    "/asr/funasr/mode",
    "/asr/funasr/url",
    "/asr/local/language",
    "/asr/local/threads",
    "/asr/openai/api_key",
    "/asr/openai/base_url",
    "/asr/openai/language",
    "/asr/openai/model",
    "/asr/openai/prompt",
    "/asr/provider",
    "/asr/retries",
    "/asr/timeout_s",
    "/device_alias",
    "/gateway/duplicate_device",
    "/gateway/extension_groups",
    "/gateway/extensions",
    "/gateway/handshake_timeout_ms",
    "/gateway/http_connections_per_address",
    "/gateway/max_connections",
    "/gateway/max_message_bytes",
    "/gateway/origins",
    "/gateway/ping_interval_s",
    "/groups",
    "/hooks/*/secret",
    "/hooks/*/timeout_s",
    "/hooks/*/url",
    "/llm/aliases/*/api_key",
    "/llm/aliases/*/base_url",
    "/llm/aliases/*/extra",
    "/llm/aliases/*/first_token_timeout_s",
    "/llm/aliases/*/max_concurrent",
    "/llm/aliases/*/max_tokens",
    "/llm/aliases/*/model",
    "/llm/aliases/*/retries",
    "/llm/aliases/*/temperature",
    "/llm/aliases/*/timeout_s",
    "/llm/aliases/*/top_p",
    "/llm/aliases/*/url",
    "/llm/purposes/*/alias",
    "/llm/purposes/*/extra",
    "/llm/purposes/*/first_token_timeout_s",
    "/llm/purposes/*/max_tokens",
    "/llm/purposes/*/model",
    "/llm/purposes/*/retries",
    "/llm/purposes/*/temperature",
    "/llm/purposes/*/timeout_s",
    "/llm/purposes/*/top_p",
    "/log/format",
    "/log/keep_days",
    "/log/keep_mb",
    "/log/level",
    "/log/max_message_length",
    "/log/rotate_mb",
    "/plugins/cache_mib",
    "/plugins/canary_percent",
    "/plugins/grant_requested",
    "/plugins/grants",
    "/plugins/limits/call_ms",
    "/plugins/limits/compile_mib",
    "/plugins/limits/compile_s",
    "/plugins/limits/effects",
    "/plugins/limits/live_instances",
    "/plugins/limits/memory_mib",
    "/plugins/rollback/faults",
    "/plugins/rollback/window_s",
    "/plugins/share",
    "/plugins/start_wait_s",
    "/plugins/strict_start",
    "/server/http_port",
    "/server/http_ip",
    "/server/ip",
    "/server/paths",
    "/server/port",
    "/server/public_url",
    "/server/timezone_offset_min",
    "/session/checkpoint_ms",
    "/session/default_mode",
    "/session/greeting",
    "/session/hibernate_after_s",
    "/session/language",
    "/session/resume_window_s",
    "/session/unknown_receivers",
    "/session/vision/token",
    "/session/vision/url",
    "/session/wake_words",
    "/storage/archive_days",
    "/storage/archive_keep",
    "/storage/max_mib",
    "/storage/orphan_days",
    "/storage/queue_mib",
    "/storage/queue_sender_mib",
    "/timeouts/buffer_s",
    "/timeouts/idle_s",
    "/timeouts/mode_multiplier",
    "/timeouts/warn_before_s",
    "/tts/bitrate",
    "/tts/espeak/rate",
    "/tts/espeak/voice",
    "/tts/frame_ms",
    "/tts/openai/api_key",
    "/tts/openai/base_url",
    "/tts/openai/model",
    "/tts/openai/pcm_rate",
    "/tts/openai/response_format",
    "/tts/openai/speed",
    "/tts/openai/voice",
    "/tts/provider",
    "/tts/sample_rate",
    "/tts/timeout_s",
    "/vad/answer_after_ms",
    "/vad/barge_in_ms",
    "/vad/end_silence_ms",
    "/vad/manual_fallback_ms",
    "/vad/max_utterance_s",
    "/vad/pre_roll_ms",
    "/vad/start_ms",
    "/vad/threshold",
    "/workers/max_blocking",
    "/workers/mode_threads",
];

/// Settings of sign-in. Key files are not among them.
const SIGN_IN: &[&str] = &[
    "/auth/device_token/expire_s",
    "/auth/device_token/key",
    "/auth/device_whitelist",
    "/auth/introspection/audience",
    "/auth/introspection/cache_s",
    "/auth/introspection/client_id",
    "/auth/introspection/client_secret",
    "/auth/introspection/device_claim",
    "/auth/introspection/negative_cache_s",
    "/auth/introspection/require_device",
    "/auth/introspection/timeout_s",
    "/auth/introspection/url",
    "/auth/jwt/algorithms",
    "/auth/jwt/audience",
    "/auth/jwt/device_claim",
    "/auth/jwt/issuer",
    "/auth/jwt/jwks_min_refresh_s",
    "/auth/jwt/jwks_ttl_s",
    "/auth/jwt/jwks_url",
    "/auth/jwt/leeway_s",
    "/auth/jwt/require_device",
    "/auth/jwt/secret",
    "/auth/jwt/timeout_s",
    "/auth/methods",
    "/auth/ota_tokens",
    "/auth/query_tokens",
    "/auth/rate_limit/device_failures_per_minute",
    "/auth/rate_limit/failures_per_minute",
    "/auth/tokens",
    "/auth/tokens/*/device",
    "/auth/tokens/*/token",
];

#[cfg(test)]
mod tests {
    use modehost_config::remote_policy::{self, AllowedSource};
    use modehost_config::schema_check::Schema;

    use super::*;
    use crate::settings::Settings;

    /// Settings that stay in the file, listed so that each new setting needs a decision.
    const FILE: &[&str] = &[
        "/asr/local/model_path",
        "/auth/jwt/jwks_file",
        "/auth/jwt/public_key_file",
        "/cluster/name",
        "/cluster/nats/credentials",
        "/cluster/nats/password",
        "/cluster/nats/replicas",
        "/cluster/nats/synced",
        "/cluster/nats/servers",
        "/cluster/nats/tls/ca",
        "/cluster/nats/tls/cert",
        "/cluster/nats/tls/key",
        "/cluster/nats/token",
        "/cluster/nats/user",
        "/cluster/node",
        "/config/older_names",
        "/config/remote/secret",
        "/config/remote/sign_in",
        "/config/remote/timeout_s",
        "/config/remote/url",
        "/log/dir",
        "/operators/calls_per_minute",
        "/operators/console",
        "/operators/host_names",
        "/operators/show_dialogue",
        "/operators/viewer_token",
        "/plugins/dir",
        "/plugins/pins",
        "/plugins/signing_keys",
        "/server/admin_token",
        "/server/operator_address",
        "/server/secret",
        "/server/tls/certificate",
        "/server/tls/key",
        "/server/trusted_proxies",
        "/storage/dir",
        "/tts/espeak/program",
    ];

    #[test]
    fn c12_of_every_setting_it_is_decided_where_it_may_come_from() {
        let schema = schemars::schema_for!(Settings).to_value();
        let known = remote_policy::leaves(Schema::new(&schema));
        for setting in &known {
            let listed = [ANYWHERE, SIGN_IN, FILE].iter().filter(|list| list.contains(&setting.as_str())).count();
            assert_eq!(listed, 1, "{setting}: decide whether another machine may set it, and list it once");
            assert_eq!(
                REMOTE_ALLOWLIST.source_of(setting) == AllowedSource::File,
                FILE.contains(&setting.as_str()),
                "{setting}"
            );
        }
        // A name left in a list would be trusted for whatever setting gets that name next.
        for listed in ANYWHERE.iter().chain(SIGN_IN) {
            assert!(known.iter().any(|setting| setting == listed), "{listed} is no setting any more");
        }
    }

    #[test]
    fn c12_whoever_says_nothing_is_warned_before_0_3_and_refused_then() {
        for (version, warned) in [("0.1.0", true), ("0.2.7", true), ("0.3.0", false), ("1.0.0", false), ("x", false)] {
            assert_eq!(matches!(switch_for(None, version), Switch::Unset(_)), warned, "{version}");
            assert_eq!((switch_for(Some(true), version), switch_for(Some(false), version)), (Switch::On, Switch::Off));
        }
    }
}
