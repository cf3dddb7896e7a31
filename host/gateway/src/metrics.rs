//! Descriptions of this crate's metrics for `/metrics`. Rule: every metric of this crate is described here, with its
//! unit and its labels; all are registered at the start, with every label.

use metrics::{Unit, counter, describe_counter, describe_gauge, gauge};
use modehost_protocol::HostKind;

use crate::connection_metrics::{CLOSE_CODES, REJECTION_REASONS};
use crate::control::OUTCOMES;

/// Describes the metrics of this crate and of sign-in. Must run after the recorder is installed.
pub fn describe_metrics() {
    modehost_auth::describe_metrics();
    describe_gauge!("modehost_connections", Unit::Count, "Connections of devices that are open.");
    describe_gauge!(
        "modehost_connections_limit",
        Unit::Count,
        "Connections of devices that may be open: `gateway.max_connections`, or what the open files allow."
    );
    let _ = gauge!("modehost_connections");
    describe_counter!("modehost_connections_total", Unit::Count, "Connections of devices that were opened.");
    let _ = counter!("modehost_connections_total");
    describe_counter!(
        "modehost_messages_received_total",
        Unit::Count,
        "Messages from devices, by `kind`: the type, `audio`, `invalid` or `other`."
    );
    describe_counter!("modehost_received_bytes_total", Unit::Bytes, "Payload of messages from devices.");
    let _ = counter!("modehost_received_bytes_total");
    describe_counter!("modehost_messages_sent_total", Unit::Count, "Messages to devices.");
    let _ = counter!("modehost_messages_sent_total");
    describe_counter!("modehost_sent_bytes_total", Unit::Bytes, "Payload of messages to devices.");
    let _ = counter!("modehost_sent_bytes_total");
    describe_counter!(
        "modehost_handshakes_refused_total",
        Unit::Count,
        "Handshakes that did not become a connection, by `reason`."
    );
    describe_counter!(
        "modehost_connections_displaced_total",
        Unit::Count,
        "Connections that were asking nothing and gave their place to others, by `port` and `reason`: `share` of their \
         address used up, port `full`; `delayed` counts those who waited for a place."
    );
    describe_counter!("modehost_server_messages_total", Unit::Count, "Operator commands, by `outcome`.");
    describe_counter!(
        "modehost_closes_total",
        Unit::Count,
        "Connections that ended, by close `code`; 1006 without a close frame."
    );
    describe_gauge!(
        "modehost_tls_certificate_expiry_seconds",
        Unit::Seconds,
        "Unix time at which the certificate in use ends; only with TLS."
    );
    register_labels();
}

/// Registers counters with known labels at zero, so that the first event shows as an increase.
fn register_labels() {
    for kind in HostKind::ALL.map(HostKind::word).into_iter().chain(["audio", "invalid", "other"]) {
        let _ = counter!("modehost_messages_received_total", "kind" => kind);
    }
    for reason in REJECTION_REASONS {
        let _ = counter!("modehost_handshakes_refused_total", "reason" => reason);
    }
    for port in ["devices", "http", "operators"] {
        for reason in ["share", "full", "delayed"] {
            let _ = counter!("modehost_connections_displaced_total", "port" => port, "reason" => reason);
        }
    }
    for outcome in OUTCOMES {
        let _ = counter!("modehost_server_messages_total", "outcome" => outcome);
    }
    for code in CLOSE_CODES.map(|code| code.to_string()).chain(["other".to_owned()]) {
        let _ = counter!("modehost_closes_total", "code" => code);
    }
}
