//! Sessions: save, load, expire. Rule: each case uses keys of its own, since the store may be shared.

use modehost_ids::{DeviceId, SessionId};
use modehost_storage::traits::{Sessions, StoredHandler, StoredSession};

use crate::get;

fn session(device: &str, saved_at: u64, unfinished: bool) -> StoredSession {
    StoredSession {
        device: DeviceId::new(device),
        session: SessionId::new("a-session"),
        mode: Some("some".into()),
        saved_at,
        unfinished,
        segments: 3,
        turns: 0,
        handlers: vec![StoredHandler {
            plugin: "some".into(),
            version: "1.2.3".into(),
            schema: 2,
            state: (0..=255).collect(),
            timers: vec![(1, 99)],
            requests: vec![7],
            watches: vec!["board:a".into()],
            mode: Some("some".into()),
            ending: true,
        }],
    }
}

pub fn a_session_comes_back_as_it_was_saved(sessions: &dyn Sessions) {
    let device = DeviceId::new("back");
    assert_eq!(get(sessions.load(&device)), None);
    get(sessions.save(session("back", 10, false)));
    let newer = StoredSession { mode: None, handlers: Vec::new(), ..session("back", 11, true) };
    get(sessions.save(session("back-other", 10, false)));
    get(sessions.save(newer.clone()));
    assert_eq!(get(sessions.load(&device)), Some(newer));
    assert_eq!(get(sessions.load(&DeviceId::new("back-other"))), Some(session("back-other", 10, false)));
    get(sessions.remove(&device, None));
    get(sessions.remove(&device, None));
    assert_eq!(get(sessions.load(&device)), None);
}

pub fn unfinished_ones_are_found_and_do_not_expire(sessions: &dyn Sessions) {
    get(sessions.save(session("expire-old", 10, false)));
    get(sessions.save(session("expire-new", 20, false)));
    get(sessions.save(session("expire-unfinished", 10, true)));
    get(sessions.save(session("expire-finished-now", 30, true)));
    get(sessions.save(session("expire-finished-now", 31, false)));
    assert_eq!(get(sessions.unfinished()), [DeviceId::new("expire-unfinished")]);
    assert_eq!(get(sessions.expire(20)), 1);
    assert_eq!(get(sessions.load(&DeviceId::new("expire-old"))), None);
    for device in ["expire-new", "expire-unfinished", "expire-finished-now"] {
        assert!(get(sessions.load(&DeviceId::new(device))).is_some(), "{device}");
    }
}
