//! The offline queue: order, limit, expiry. Rule: each case uses keys of its own, since the store may be shared.

use modehost_ids::DeviceId;
use modehost_storage::limits;
use modehost_storage::traits::{OfflineQueue, ReceiptTarget};

use crate::get;

const LONG: u64 = 1_000_000;

fn payloads(queue: &dyn OfflineQueue, device: &DeviceId, now: u64) -> Vec<String> {
    get(queue.next_page(device, now)).iter().map(|message| message.payload.to_string()).collect()
}

pub fn p3_messages_wait_in_order_until_removed(queue: &dyn OfflineQueue) {
    let (device, other) = (DeviceId::new("order-1"), DeviceId::new("order-2"));
    for payload in ["one", "two", "three"] {
        assert_eq!(get(queue.enqueue(&device, payload.into(), 5, LONG)), 0);
    }
    get(queue.enqueue(&other, "for another".into(), 5, LONG));
    let waiting = get(queue.next_page(&device, 6));
    assert!(waiting.is_sorted_by(|a, b| a.id < b.id));
    assert_eq!((waiting[0].queued_at, waiting[0].ttl_ms), (5, LONG));
    // Ids of one device remove nothing of another.
    get(queue.remove(&other, waiting.iter().map(|message| message.id).collect()));
    assert_eq!(payloads(queue, &device, 6), ["one", "two", "three"]);
    get(queue.remove(&device, vec![waiting[0].id, waiting[2].id]));
    assert_eq!(payloads(queue, &device, 6), ["two"]);
    assert_eq!(payloads(queue, &other, 6), ["for another"]);
}

pub fn p3_the_oldest_goes_when_a_device_has_a_hundred(queue: &dyn OfflineQueue) {
    let device = DeviceId::new("full");
    let dropped: u32 = (0..130).map(|number| get(queue.enqueue(&device, number.to_string().into(), 1, LONG))).sum();
    assert_eq!(dropped, 30);
    assert_eq!(payloads(queue, &device, 2), (30..130).map(|number| number.to_string()).collect::<Vec<_>>());
}

pub fn p3_the_limit_can_be_changed(queue: &dyn OfflineQueue) {
    let device = DeviceId::new("limited");
    let enqueue = |payload: &str| get(queue.enqueue(&device, payload.into(), 1, LONG));
    queue.set_limit_per_device(3);
    assert_eq!(["a", "b", "c", "d"].map(enqueue), [0, 0, 0, 1]);
    queue.set_limit_per_device(0);
    assert_eq!(enqueue("e"), 3);
    assert_eq!(payloads(queue, &device, 2), ["e"]);
    queue.set_limit_per_device(limits::QUEUE_PER_DEVICE);
    assert_eq!(enqueue("f"), 0);
}

pub fn p4_a_device_is_handed_a_page_at_a_time(queue: &dyn OfflineQueue) {
    let device = DeviceId::new("pages");
    let large = limits::QUEUE_PAGE_BYTES / 2;
    for number in 0..5 {
        get(queue.enqueue(&device, format!("{number}{}", "x".repeat(large)).into(), 1, LONG));
    }
    let mut seen = String::new();
    loop {
        let page = get(queue.next_page(&device, 2));
        assert!(page.len() <= 2, "the message that reaches the bytes is the last");
        if page.is_empty() {
            break;
        }
        seen.extend(page.iter().filter_map(|message| message.payload.chars().next()));
        get(queue.remove(&device, page.iter().map(|message| message.id).collect()));
    }
    assert_eq!(seen, "01234");
    get(queue.enqueue(&device, "y".repeat(limits::QUEUE_PAGE_BYTES * 2).into(), 1, LONG));
    assert_eq!(get(queue.next_page(&device, 2)).len(), 1, "one that is larger than a page is a page");
}

pub fn p3_expired_messages_are_neither_delivered_nor_counted(queue: &dyn OfflineQueue) {
    let device = DeviceId::new("expiry");
    for number in 0..100u64 {
        get(queue.enqueue(&device, number.to_string().into(), 1000, 10 + number % 2 * 90));
    }
    assert_eq!(payloads(queue, &device, 1009).len(), 100);
    assert_eq!(payloads(queue, &device, 1010).len(), 50);
    assert_eq!(get(queue.enqueue(&device, "new".into(), 1050, LONG)), 0, "expired ones make room uncounted");
    assert_eq!(payloads(queue, &device, 1100), ["new"]);
    get(queue.enqueue(&device, "for ever".into(), 1100, u64::MAX));
    assert_eq!(payloads(queue, &device, u64::MAX / 8), ["for ever"]);
}

pub fn p4_who_wants_to_hear_of_a_message_goes_with_it(queue: &dyn OfflineQueue) {
    let device = DeviceId::new("origins");
    let origin =
        |sender: &str| Some(ReceiptTarget { sender: DeviceId::new(sender), receipt: "{\"type\":\"x\"}".into() });
    get(queue.enqueue_with_receipt(origin("ann"), &device, "one".into(), 1, 10));
    get(queue.enqueue(&device, "two".into(), 1, LONG));
    get(queue.enqueue_with_receipt(origin("bob"), &device, "three".into(), 1, LONG));
    let origins =
        |now| -> Vec<_> { get(queue.next_page(&device, now)).into_iter().map(|message| message.origin).collect() };
    assert_eq!(origins(2), [origin("ann"), None, origin("bob")]);
    assert_eq!(origins(11), [None, origin("bob")]);
    let left = get(queue.next_page(&device, 11)).iter().map(|message| message.id).collect();
    get(queue.remove(&device, left));
    // A new message never inherits the origin of a removed one.
    get(queue.enqueue(&device, "four".into(), 12, LONG));
    assert_eq!(origins(13), [None]);
    let receipt = "x".repeat(limits::RECEIPT_BYTES + 1).into();
    let large = Some(ReceiptTarget { sender: DeviceId::new("ann"), receipt });
    assert!(
        futures_lite::future::block_on(queue.enqueue_with_receipt(large, &device, "five".into(), 14, LONG)).is_err()
    );
}

pub fn p3_fifty_senders_lose_nothing(queue: &dyn OfflineQueue) {
    std::thread::scope(|scope| {
        for sender in 0..50 {
            scope.spawn(move || {
                for number in 0..20 {
                    let device = DeviceId::new(format!("target-{number}"));
                    assert_eq!(get(queue.enqueue(&device, format!("{sender}").into(), 1, LONG)), 0);
                }
            });
        }
    });
    for number in 0..20 {
        let mut senders: Vec<u32> = payloads(queue, &DeviceId::new(format!("target-{number}")), 2)
            .iter()
            .map(|payload| payload.parse().expect("a number"))
            .collect();
        senders.sort_unstable();
        assert_eq!(senders, (0..50).collect::<Vec<_>>());
    }
}
