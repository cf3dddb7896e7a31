//! The directory: who is reached. Rule: each case uses keys of its own, since the store may be shared.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use modehost_ids::DeviceId;
use modehost_storage::traits::{Audience, DeliveryError, Directory, Mailbox};
use parking_lot::Mutex;

use crate::get;

type Put = (Arc<str>, Option<Arc<str>>);

#[derive(Default)]
struct Recorder {
    got: Mutex<Vec<Put>>,
    full: AtomicBool,
}

impl Mailbox for Recorder {
    fn send(&self, message: &Arc<str>, supersedes: Option<&Arc<str>>) -> Result<(), DeliveryError> {
        if self.full.load(Ordering::SeqCst) {
            return Err(DeliveryError::Rejected);
        }
        self.got.lock().push((message.clone(), supersedes.cloned()));
        Ok(())
    }
}

impl Recorder {
    fn count(&self) -> usize {
        self.got.lock().len()
    }
}

pub fn a_message_goes_to_the_newest_registration(directory: &dyn Directory) {
    let device = DeviceId::new("newest");
    let (hello, key): (Arc<str>, Arc<str>) = ("hello".into(), "board".into());
    assert_eq!(get(directory.deliver(&device, &hello, None)), Err(DeliveryError::Offline));
    let (old, new) = (Arc::new(Recorder::default()), Arc::new(Recorder::default()));
    let _old = directory.register(&device, old.clone());
    assert_eq!(get(directory.deliver(&device, &hello, Some(&key))), Ok(()));
    assert_eq!(*old.got.lock(), [(hello.clone(), Some(key))]);
    let _new = directory.register(&device, new.clone());
    assert_eq!(get(directory.deliver(&device, &hello, None)), Ok(()));
    assert_eq!((old.count(), new.count()), (1, 1));
    new.full.store(true, Ordering::SeqCst);
    assert_eq!(get(directory.deliver(&device, &hello, None)), Err(DeliveryError::Rejected));
}

pub fn a_replaced_registration_ends_only_itself(directory: &dyn Directory) {
    let device = DeviceId::new("replaced");
    let before = get(directory.connected());
    let old = directory.register(&device, Arc::new(Recorder::default()));
    let new = directory.register(&device, Arc::new(Recorder::default()));
    assert_eq!(get(directory.connected()), before + 1);
    drop(old);
    assert_eq!(get(directory.deliver(&device, &"still there".into(), None)), Ok(()));
    drop(new);
    assert_eq!(get(directory.deliver(&device, &"gone".into(), None)), Err(DeliveryError::Offline));
    assert_eq!(get(directory.connected()), before);
}

pub fn a_broadcast_reaches_its_audience_and_counts_it(directory: &dyn Directory) {
    let devices: Vec<DeviceId> = (0..20).map(|number| DeviceId::new(format!("audience-{number}"))).collect();
    let boxes: Vec<Arc<Recorder>> = devices.iter().map(|_| Arc::default()).collect();
    let _all: Vec<_> =
        devices.iter().zip(&boxes).map(|(device, mailbox)| directory.register(device, mailbox.clone())).collect();
    boxes[3].full.store(true, Ordering::SeqCst);
    let only: Arc<[DeviceId]> = [devices[2].clone(), devices[3].clone(), DeviceId::new("audience-absent")].into();
    assert_eq!(get(directory.broadcast(Audience::Only(only), &"some".into(), None)), 1);
    assert_eq!(boxes.iter().map(|mailbox| mailbox.count()).sum::<usize>(), 1);
    let but: Arc<[DeviceId]> = [devices[2].clone(), devices[4].clone()].into();
    assert_eq!(get(directory.broadcast(Audience::AllBut(but), &"many".into(), Some(&"key".into()))), 17);
    assert_eq!((boxes[2].count(), boxes[3].count(), boxes[4].count(), boxes[5].count()), (1, 0, 0, 1));
}

pub fn fifty_thousand_devices_come_and_go(directory: &dyn Directory) {
    let before = get(directory.connected());
    let mailbox = Arc::new(Recorder::default());
    let mut registrations: Vec<_> = (0..50_000)
        .map(|number| directory.register(&DeviceId::new(format!("many-{number}")), mailbox.clone()))
        .collect();
    assert_eq!(get(directory.connected()), before + 50_000);
    assert_eq!(get(directory.broadcast(Audience::AllBut([].into()), &"all".into(), None)), before + 50_000);
    registrations.truncate(10);
    assert_eq!(get(directory.connected()), before + 10);
    drop(registrations);
    assert_eq!(Arc::strong_count(&mailbox), 1, "nothing of them is left");
}
