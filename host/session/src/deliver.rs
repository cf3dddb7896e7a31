//! Messages of a mode for other devices. Rule: who is meant is decided once, when the delivery is
//! made; every one of them ends up as reached, kept for, or failed with a reason.

use std::collections::HashSet;
use std::sync::Arc;

use crate::limits;
use modehost_contract::effect::{Audience, Delivery};
use modehost_contract::event::Undelivered;
use modehost_ids::DeviceId;
use modehost_storage::traits::{self as storage, Missed};
use modehost_storage::{Reply, StorageError};

use crate::config::{Config, Members, UnknownReceivers};
use crate::services::Services;

/// A message and whom it is for.
pub(crate) struct OutgoingDelivery {
    pub(crate) own: DeviceId,
    pub(crate) to: Audience,
    pub(crate) except: Vec<String>,
    pub(crate) body: Arc<str>,
    /// Kept for those that are away.
    pub(crate) late: Arc<str>,
    /// For the sender, once what was kept has been handed over.
    pub(crate) receipt: Option<Arc<str>>,
    /// Unix ms.
    pub(crate) now: u64,
    /// 0: not kept.
    pub(crate) ttl_ms: u64,
}

impl OutgoingDelivery {
    /// The letter of an effect, sent by the device `own` at `now`.
    pub(crate) fn new(own: DeviceId, delivery: Delivery, now: u64) -> Self {
        let Delivery { request: _, to, except, body, offline_body, receipt, ttl_ms } = delivery;
        let body: Arc<str> = body.into();
        let late = offline_body.map_or_else(|| body.clone(), Into::into);
        Self { own, to, except, body, late, receipt: receipt.map(Into::into), now, ttl_ms }
    }
}

/// What became of a letter.
#[derive(Default)]
pub(crate) struct Deliveries {
    pub(crate) sent: Vec<String>,
    pub(crate) queued: Vec<String>,
    pub(crate) failed: Vec<Undelivered>,
}

impl Deliveries {
    fn fail(&mut self, device: impl Into<String>, reason: impl Into<String>) {
        self.failed.push(Undelivered { device: device.into(), reason: reason.into() });
    }
}

/// Hands a letter to each device that it is for, or keeps it for those that are away.
pub(crate) async fn deliver(
    services: Services,
    config: Arc<Config>,
    letter: OutgoingDelivery,
) -> Result<Deliveries, StorageError> {
    let mut made = Deliveries::default();
    let devices = addressees(&services, &config, &letter, &mut made).await?;
    let mut keeping: Vec<(DeviceId, Reply<u32>)> = Vec::new();
    for device in devices {
        match services.directory.deliver(&device, &letter.body, None).await? {
            Ok(()) => made.sent.push(device.to_string()),
            Err(_) if letter.ttl_ms > 0 => {
                let kept = services.queue.enqueue_delivery(storage::OfflineDelivery {
                    sender: letter.own.clone(),
                    receipt: letter.receipt.clone(),
                    receiver: device.clone(),
                    payload: letter.late.clone(),
                    now: letter.now,
                    ttl_ms: letter.ttl_ms,
                    to_strangers: config.unknown_receivers == UnknownReceivers::Keep
                        || config.device_directory.names(&device),
                });
                keeping.push((device, kept));
            }
            Err(Missed::Behind) => {
                // What must not be kept is for now, whatever else waits.
                let only = storage::Audience::Only([device.clone()].into());
                let reached = services.directory.broadcast(only, &letter.body, None).await?;
                services.directory.queued(&device);
                match reached {
                    0 => made.fail(device.as_str(), "not connected"),
                    _ => made.sent.push(device.to_string()),
                }
            }
            Err(Missed::Away) => made.fail(device.as_str(), "not connected"),
            Err(Missed::Refused) => made.fail(device.as_str(), "its connection is full"),
        }
    }
    for (device, kept) in keeping {
        let kept = kept.await;
        // It may have come back in the meantime, or be in the middle of being handed what waits.
        services.directory.queued(&device);
        match kept {
            Ok(_) => made.queued.push(device.to_string()),
            Err(error) => made.fail(device.as_str(), error.to_string()),
        }
    }
    Ok(made)
}

/// The devices that are meant, each once, in an order that does not change; those that cannot be
/// meant are put among the failed.
async fn addressees(
    services: &Services,
    config: &Config,
    letter: &OutgoingDelivery,
    made: &mut Deliveries,
) -> Result<Vec<DeviceId>, StorageError> {
    let mut meant: Vec<DeviceId> = match &letter.to {
        Audience::Devices(devices) => {
            let mut meant = Vec::with_capacity(devices.len());
            for device in devices {
                match DeviceId::parse(device) {
                    Some(device) => meant.push(device),
                    None => made.fail(device, "not a device id"),
                }
            }
            meant
        }
        Audience::Group(group) => match config.device_directory.members(group) {
            Members::Listed(devices) => devices.to_vec(),
            Members::Ungrouped => {
                let everyone = everyone(services, config).await?;
                everyone.into_iter().filter(|device| !config.device_directory.is_grouped(device)).collect()
            }
            Members::None => {
                made.fail(group, "there is no such group");
                Vec::new()
            }
        },
        Audience::Everyone => everyone(services, config).await?,
    };
    if !matches!(letter.to, Audience::Devices(_)) {
        meant.retain(|device| *device != letter.own);
    }
    // As connections have them, however a mode writes them.
    let except: HashSet<DeviceId> = letter.except.iter().filter_map(|device| DeviceId::parse(device)).collect();
    let mut seen = HashSet::new();
    meant.retain(|device| !except.contains(device) && seen.insert(device.clone()));
    for device in meant.drain(meant.len().min(limits::DELIVERY_DEVICES)..) {
        made.fail(device.as_str(), format!("one delivery goes to {} devices at the most", limits::DELIVERY_DEVICES));
    }
    Ok(meant)
}

/// All devices that are connected or that the configuration names, sorted.
async fn everyone(services: &Services, config: &Config) -> Result<Vec<DeviceId>, StorageError> {
    let mut devices = services.directory.devices().await?;
    devices.extend(config.device_directory.named().cloned());
    devices.sort_unstable();
    Ok(devices)
}
