//! Recipients of messages. Rule: an id that is no device of the kit counts as offline, and a message without a time
//! to live fails for offline devices.

use modehost_contract::Event;
use modehost_contract::effect::Audience;
use modehost_contract::event::Undelivered;
use modehost_contract::id::RequestId;

use super::World;
use super::mail::KeptDelivery;

impl World {
    /// Devices of a group, or all devices.
    pub(super) fn of_group(&self, group: Option<&String>) -> Vec<String> {
        let members = self.members.iter();
        let chosen = members.filter(|(_, groups)| group.is_none_or(|group| groups.contains(group)));
        chosen.map(|(id, _)| id.clone()).collect()
    }

    /// Recipients of a delivery.
    pub(super) fn addressed(&self, device: &str, to: &Audience, except: &[String]) -> Vec<String> {
        let mut addressed = match to {
            Audience::Devices(devices) => devices.clone(),
            Audience::Group(group) => self.of_group(Some(group)),
            Audience::Everyone => self.of_group(None),
        };
        addressed.retain(|id| !except.contains(id));
        if !matches!(to, Audience::Devices(_)) {
            addressed.retain(|id| id != device);
        }
        addressed
    }

    /// Sends a message, and stores `kept` for offline devices; if it is `None`, the delivery fails for them.
    pub(super) fn deliver(
        &mut self,
        device: &str,
        request: RequestId,
        to: Vec<String>,
        body: &str,
        kept: Option<KeptDelivery>,
    ) {
        let (sent, away): (Vec<_>, Vec<_>) = to.into_iter().partition(|id| self.is_there(id));
        for id in &sent {
            self.hand(id, body);
        }
        let (queued, failed) = match kept {
            Some(kept) => {
                away.iter().for_each(|id| self.mail.keep(id, kept.clone()));
                (away, Vec::new())
            }
            None => {
                let reason = || "not connected".to_owned();
                let failed = away.into_iter().map(|device| Undelivered { device, reason: reason() });
                (Vec::new(), failed.collect())
            }
        };
        self.queue(device, Event::Delivered { request, sent, queued, failed });
    }

    /// Whether a device is connected. An id that is no device of the kit counts as offline.
    pub(super) fn is_there(&self, device: &str) -> bool {
        self.members.contains_key(device) && !self.mail.is_away(device)
    }

    pub(crate) fn leave(&mut self, device: &str) {
        self.mail.leave(device);
    }

    /// Sends the stored messages. Receipts for offline senders are dropped; the server would store them.
    pub(crate) fn come_back(&mut self, device: &str) {
        for (id, body) in self.mail.come_back(device, self.now) {
            if self.is_there(&id) {
                self.hand(&id, &body);
            }
        }
    }
}
