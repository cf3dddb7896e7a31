//! Messages stored for offline devices. Rule: as in the server, they are sent in order once the device is back,
//! without those that have expired, and then the receipts to their senders.

use std::collections::{HashMap, HashSet};

use serde_json::Value;

/// Offline devices, and stored messages.
#[derive(Default)]
pub(crate) struct Mail {
    away: HashSet<String>,
    waiting: HashMap<String, Vec<KeptDelivery>>,
}

/// A stored message.
#[derive(Clone)]
pub(crate) struct KeptDelivery {
    pub(crate) from: String,
    pub(crate) body: String,
    pub(crate) receipt: Option<String>,
    /// Expiry in Unix ms.
    pub(crate) until: u64,
}

/// A message that is due: its recipient and its body.
pub(crate) type Due = (String, String);

impl Mail {
    pub(crate) fn is_away(&self, device: &str) -> bool {
        self.away.contains(device)
    }

    pub(crate) fn leave(&mut self, device: &str) {
        self.away.insert(device.to_owned());
    }

    pub(crate) fn keep(&mut self, device: &str, delivery: KeptDelivery) {
        self.waiting.entry(device.to_owned()).or_default().push(delivery);
    }

    /// Reconnects a device; returns its stored messages, then the receipts to the senders, one for all messages of
    /// the same sender and receipt.
    pub(crate) fn come_back(&mut self, device: &str, now: u64) -> Vec<Due> {
        self.away.remove(device);
        let mut due = Vec::new();
        let mut receipts: Vec<(String, String, u64)> = Vec::new();
        for delivery in self.waiting.remove(device).unwrap_or_default() {
            if delivery.until < now {
                continue;
            }
            due.push((device.to_owned(), delivery.body));
            let Some(receipt) = delivery.receipt else { continue };
            match receipts.iter_mut().find(|(from, same, _)| *from == delivery.from && *same == receipt) {
                Some((_, _, count)) => *count += 1,
                None => receipts.push((delivery.from, receipt, 1)),
            }
        }
        due.extend(receipts.into_iter().map(|(from, receipt, count)| {
            let mut receipt: Value = serde_json::from_str(&receipt).unwrap_or_else(|error| panic!("not JSON: {error}"));
            receipt["to"] = Value::from(device);
            receipt["count"] = Value::from(count);
            (from, receipt.to_string())
        }));
        due
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_waits_comes_in_order_with_one_notice_a_sender() {
        let mut mail = Mail::default();
        mail.leave("d");
        for (from, body, until) in [("a", "1", 100), ("a", "2", 50), ("b", "3", 100), ("a", "4", 100)] {
            let (from, body, receipt) = (from.to_owned(), body.to_owned(), Some(r#"{"type":"n"}"#.to_owned()));
            mail.keep("d", KeptDelivery { from, body, receipt, until });
        }
        assert!(mail.is_away("d"));
        let due = mail.come_back("d", 60);
        let to = |device: &str, body: &str| (device.to_owned(), body.to_owned());
        assert_eq!(due[..3], [to("d", "1"), to("d", "3"), to("d", "4")]);
        assert_eq!(due[3], to("a", r#"{"count":2,"to":"d","type":"n"}"#));
        assert_eq!(due[4], to("b", r#"{"count":1,"to":"d","type":"n"}"#));
        assert!(!mail.is_away("d") && mail.come_back("d", 60).is_empty());
    }
}
