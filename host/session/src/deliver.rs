//! Messages of a mode to other devices. Rule: the recipients are decided once, when the delivery is made; each of them
//! ends up as sent, queued, or failed with a reason.

use std::collections::HashSet;
use std::sync::Arc;

use crate::limits;
use modehost_contract::effect::{Audience, Delivery};
use modehost_contract::event::Undelivered;
use modehost_ids::DeviceId;
use modehost_storage::traits::{self as storage, DeliveryError};
use modehost_storage::{Reply, StorageError};

use crate::config::{Config, Members, UnknownRecipients};
use crate::services::Services;

/// A message and its recipients.
pub(crate) struct OutgoingDelivery {
    pub(crate) sender: DeviceId,
    pub(crate) to: Audience,
    pub(crate) except: Vec<String>,
    pub(crate) body: Arc<str>,
    /// Queued for devices that are offline, instead of `body`.
    pub(crate) offline_body: Arc<str>,
    /// Sent to the sender once queued messages have been delivered.
    pub(crate) receipt: Option<Arc<str>>,
    /// Unix ms.
    pub(crate) now: u64,
    /// 0: not queued.
    pub(crate) ttl_ms: u64,
}

impl OutgoingDelivery {
    /// The delivery of an effect, sent by the device `sender` at `now`.
    pub(crate) fn new(sender: DeviceId, delivery: Delivery, now: u64) -> Self {
        let Delivery { request: _, to, except, body, offline_body, receipt, ttl_ms } = delivery;
        let body: Arc<str> = body.into();
        let offline_body = offline_body.map_or_else(|| body.clone(), Into::into);
        Self { sender, to, except, body, offline_body, receipt: receipt.map(Into::into), now, ttl_ms }
    }
}

/// The result for each recipient.
#[derive(Default)]
pub(crate) struct DeliveryResult {
    pub(crate) sent: Vec<String>,
    pub(crate) queued: Vec<String>,
    pub(crate) failed: Vec<Undelivered>,
}

impl DeliveryResult {
    fn fail(&mut self, device: impl Into<String>, reason: impl Into<String>) {
        self.failed.push(Undelivered { device: device.into(), reason: reason.into() });
    }
}

/// Sends to each recipient, or queues for those that are offline.
pub(crate) async fn deliver(
    services: Services,
    config: Arc<Config>,
    delivery: OutgoingDelivery,
) -> Result<DeliveryResult, StorageError> {
    let mut result = DeliveryResult::default();
    let devices = recipients(&services, &config, &delivery, &mut result).await?;
    let mut queueing: Vec<(DeviceId, Reply<u32>)> = Vec::new();
    for device in devices {
        match services.directory.deliver(&device, &delivery.body, None).await? {
            Ok(()) => result.sent.push(device.to_string()),
            Err(_) if delivery.ttl_ms > 0 => {
                let queued = services.queue.enqueue_delivery(storage::OfflineDelivery {
                    sender: delivery.sender.clone(),
                    receipt: delivery.receipt.clone(),
                    receiver: device.clone(),
                    payload: delivery.offline_body.clone(),
                    now: delivery.now,
                    ttl_ms: delivery.ttl_ms,
                    allow_unknown_receiver: config.unknown_recipients == UnknownRecipients::Store
                        || config.device_directory.names(&device),
                });
                queueing.push((device, queued));
            }
            Err(DeliveryError::QueueFirst) => {
                // A message that must not be queued is sent now, past the backlog.
                let only = storage::Audience::Only([device.clone()].into());
                let reached = services.directory.broadcast(only, &delivery.body, None).await?;
                services.directory.notify_queued(&device);
                match reached {
                    0 => result.fail(device.as_str(), "not connected"),
                    _ => result.sent.push(device.to_string()),
                }
            }
            Err(DeliveryError::Offline) => result.fail(device.as_str(), "not connected"),
            Err(DeliveryError::Rejected) => result.fail(device.as_str(), "its connection is full"),
        }
    }
    for (device, queued) in queueing {
        let queued = queued.await;
        // The device may have reconnected meanwhile, or its backlog is being drained.
        services.directory.notify_queued(&device);
        match queued {
            Ok(_) => result.queued.push(device.to_string()),
            Err(error) => result.fail(device.as_str(), error.to_string()),
        }
    }
    Ok(result)
}

/// The recipients, each once, in a deterministic order; invalid ones are recorded as failed.
async fn recipients(
    services: &Services,
    config: &Config,
    delivery: &OutgoingDelivery,
    result: &mut DeliveryResult,
) -> Result<Vec<DeviceId>, StorageError> {
    let mut recipients: Vec<DeviceId> = match &delivery.to {
        Audience::Devices(devices) => {
            let mut recipients = Vec::with_capacity(devices.len());
            for device in devices {
                match DeviceId::parse(device) {
                    Some(device) => recipients.push(device),
                    None => result.fail(device, "not a device id"),
                }
            }
            recipients
        }
        Audience::Group(group) => match config.device_directory.members(group) {
            Members::Listed(devices) => devices.to_vec(),
            Members::Ungrouped => {
                let everyone = everyone(services, config).await?;
                everyone.into_iter().filter(|device| !config.device_directory.is_grouped(device)).collect()
            }
            Members::None => {
                result.fail(group, "there is no such group");
                Vec::new()
            }
        },
        Audience::Everyone => everyone(services, config).await?,
    };
    if !matches!(delivery.to, Audience::Devices(_)) {
        recipients.retain(|device| *device != delivery.sender);
    }
    // Parsed, so that they compare equal to the ids of connections, however a mode writes them.
    let except: HashSet<DeviceId> = delivery.except.iter().filter_map(|device| DeviceId::parse(device)).collect();
    let mut seen = HashSet::new();
    recipients.retain(|device| !except.contains(device) && seen.insert(device.clone()));
    for device in recipients.drain(recipients.len().min(limits::DELIVERY_DEVICES)..) {
        result.fail(device.as_str(), format!("one delivery goes to {} devices at the most", limits::DELIVERY_DEVICES));
    }
    Ok(recipients)
}

/// All devices that are connected or that the configuration names, sorted.
async fn everyone(services: &Services, config: &Config) -> Result<Vec<DeviceId>, StorageError> {
    let mut devices = services.directory.devices().await?;
    devices.extend(config.device_directory.named().cloned());
    devices.sort_unstable();
    Ok(devices)
}
