//! What the figures of this room mean, for whoever reads `/metrics`. Rule: every figure that the room
//! counts is described here, with its unit and its labels; one without labels is there from the start.

use metrics::{Unit, counter, describe_counter, describe_gauge, gauge};

/// Describes the figures of this room and of sign-in. Must run after the recorder is installed.
pub fn describe_figures() {
    modehost_auth::describe_figures();
    describe_gauge!("modehost_connections", Unit::Count, "Connections of devices that are open.");
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
    describe_counter!("modehost_server_messages_total", Unit::Count, "Orders of the operator's console, by `outcome`.");
    describe_counter!(
        "modehost_closes_total",
        Unit::Count,
        "Connections that ended, by close `code`; 1006 without a close frame."
    );
}
