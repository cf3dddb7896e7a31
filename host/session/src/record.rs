//! What is left of a session between two processes. Rule: everything that a mode would miss is in
//! the record: state, timers, open requests, watches; what comes back first is what was lost.

use std::sync::Arc;
use std::time::Duration;

use modehost_contract::event::Failure;
use modehost_contract::{Event, Generation, Snapshot};
use modehost_ids::PluginId;
use modehost_limits as limits;
use modehost_storage::traits::{StoredHandler, StoredSession};
use modehost_storage::{Reply, StorageError};
use tokio::time::{Instant, sleep, timeout};

use crate::actor::{Session, Work};
use crate::clock::unix_ms;
use crate::handler::Handler;
use crate::requests::failed;

impl Session {
    /// State has changed that is not on disk; it will be soon.
    pub(crate) fn make_dirty(&mut self) {
        if self.checkpoint.is_none() {
            self.checkpoint = Some(Instant::now() + self.config().checkpoint);
        }
    }

    /// Submits the record; `None` if there is nothing to record.
    pub(crate) fn save(&mut self) -> Option<Reply<()>> {
        self.checkpoint = None;
        let mut handlers = Vec::with_capacity(self.handlers.len());
        let (now, saved_at) = (Instant::now(), unix_ms());
        let ends_at = |due: Instant| {
            let left = due.saturating_duration_since(now).as_millis();
            saved_at.saturating_add(u64::try_from(left).unwrap_or(u64::MAX))
        };
        for handler in &mut self.handlers {
            let _ = handler.refresh();
            let Some(good) = handler.good() else { continue };
            let mut timers: Vec<_> = handler.timers.iter().map(|(id, due)| (*id, ends_at(*due))).collect();
            let mut requests: Vec<_> = handler.requests.keys().copied().collect();
            // What has ended and is not told yet would be lost with this process, too.
            let untold = self.work.iter().filter_map(|work| match work {
                Work::Tell { plugin, event, .. } if *plugin == handler.plugin => Some(event),
                _ => None,
            });
            for event in untold {
                match event {
                    Event::Timer(id) => timers.push((*id, saved_at)),
                    event => requests.extend(event.ends()),
                }
            }
            handlers.push(StoredHandler {
                plugin: handler.plugin.as_str().to_owned(),
                version: handler.generation.manifest().version.clone(),
                schema: good.schema,
                state: good.state.clone(),
                timers,
                requests,
                watches: handler.watches.keys().map(|key| key.to_string()).collect(),
                mode: handler.mode.as_ref().map(|mode| mode.to_string()),
                ending: handler.ending,
            });
        }
        handlers.extend(self.orphans.iter().cloned());
        if handlers.is_empty() && self.mode.is_none() && !self.stored {
            return None;
        }
        self.stored = true;
        let unfinished = self.mode.is_some() || self.handlers.iter().any(|handler| !handler.is_idle());
        Some(self.shared.services.sessions.save(StoredSession {
            device: self.handle.device.clone(),
            session: self.id.clone(),
            mode: self.mode.as_ref().map(|mode| mode.to_string()),
            saved_at,
            unfinished,
            segments: self.segments,
            handlers,
        }))
    }

    /// Saves and waits until it is on disk: a storage that has too much to do is asked again for a while.
    pub(crate) async fn save_now(&mut self) {
        let patience = Instant::now() + limits::STORAGE_REPLY;
        while let Some(reply) = self.save() {
            match reply.await {
                Err(StorageError::Overloaded) if Instant::now() < patience => sleep(limits::STORAGE_PAUSE).await,
                saved => return self.note_record(saved),
            }
        }
    }

    /// Waits until a record is on disk.
    pub(crate) async fn recorded(&mut self, record: Option<Reply<()>>) {
        if let Some(record) = record {
            let late = StorageError::Unavailable("no answer in time".into());
            let saved = timeout(limits::STORAGE_REPLY, record).await.unwrap_or(Err(late));
            self.note_record(saved);
        }
    }

    /// What is not on disk will be tried again.
    pub(crate) fn note_record(&mut self, saved: Result<(), StorageError>) {
        if let Err(error) = saved {
            if !error.is_told() {
                tracing::error!(device = %self.handle.device, %error, "the session's state could not be saved; it is tried again");
            }
            self.make_dirty();
        }
    }

    /// The record of an earlier process. A storage that is busy for a moment must not cost a state; one that
    /// does not work keeps the device waiting for a moment only.
    async fn find_record(&mut self) -> Result<Option<StoredSession>, StorageError> {
        let begun = Instant::now();
        loop {
            let found = self.shared.services.sessions.load(&self.handle.device).await;
            let patience = match found {
                Err(StorageError::Overloaded) => limits::STORAGE_REPLY,
                Err(StorageError::Unavailable(_)) => limits::STORAGE_REPLY / 10,
                _ => return found,
            };
            if begun.elapsed() >= patience {
                return found;
            }
            sleep(limits::STORAGE_PAUSE).await;
        }
    }

    /// What has been found out about the device, ever.
    async fn recall(&mut self) {
        let handle = &self.handle;
        handle.extensions.grant(&self.shared.config().extensions, &self.device);
        // Nobody waits for it: what is queued for the device from now on is written behind it.
        drop(self.shared.services.devices.seen(&handle.device, unix_ms()));
        match timeout(limits::STORAGE_REPLY, self.shared.services.devices.facts(&handle.device)).await {
            Ok(Ok(facts)) => {
                let _ = handle.extensions.learn(facts);
                if facts.sends_stop {
                    handle.ear.trust();
                }
            }
            // It is found out again.
            Ok(Err(error)) => {
                tracing::warn!(device = %handle.device, %error, "what is known of a device cannot be read")
            }
            Err(_) => tracing::warn!(device = %handle.device, "what is known of a device was not read in time"),
        }
    }

    /// Keeps what has been found out about the device; nobody waits for it.
    pub(crate) fn keep_facts(&self) {
        drop(self.shared.services.devices.learn(&self.handle.device, self.handle.extensions.facts(), unix_ms()));
    }

    /// Takes up what an earlier process left, if the device is still waited for.
    pub(crate) async fn load(&mut self) {
        self.recall().await;
        let stored = match self.find_record().await {
            Ok(Some(stored)) => stored,
            Ok(None) => return,
            Err(error) => {
                tracing::error!(device = %self.handle.device, %error, "the stored session cannot be read; a new one begins");
                return;
            }
        };
        self.stored = true;
        let window = u64::try_from(self.config().resume_window.as_millis()).unwrap_or(u64::MAX);
        if !stored.unfinished && stored.saved_at.saturating_add(window) < unix_ms() {
            return;
        }
        self.id = stored.session;
        self.segments = stored.segments;
        self.mode = stored.mode.map(Into::into);
        self.begin_clock(stored.saved_at);
        for handler in stored.handlers {
            self.take_up(handler, stored.saved_at);
        }
        // A mode whose plugin is gone is over.
        if !self.handlers.iter().any(|handler| handler.mode == self.mode) {
            self.mode = None;
        }
    }

    /// Takes up what waited for a plugin that is loaded now.
    pub(crate) fn adopt_orphans(&mut self) {
        for stored in std::mem::take(&mut self.orphans) {
            // Whoever has begun anew meanwhile goes on with that.
            if self.place(&stored.plugin.as_str().into()).is_none() {
                self.take_up(stored, unix_ms());
            }
        }
    }

    fn take_up(&mut self, stored: StoredHandler, saved_at: u64) {
        let plugin = PluginId::from(stored.plugin.as_str());
        let (generation, discarded_before) = {
            let table = self.shared.services.catalog.table();
            let entry = table.plugins.get(&plugin);
            let generation = entry.map(|entry| entry.generation_for(&self.handle.device).clone());
            (generation, entry.map_or(0, |entry| entry.discarded_before))
        };
        let (now, unix) = (Instant::now(), unix_ms());
        // Where the clock has gone back since, no more is left than there was.
        let left = |ends_at: u64| ends_at.saturating_sub(unix).min(ends_at.saturating_sub(saved_at));
        let Some(generation) = generation else {
            tracing::warn!(%plugin, device = %self.handle.device, "state of a plugin that is not loaded is kept for its return");
            let timers = stored.timers.iter().map(|(id, ends_at)| (*id, unix.saturating_add(left(*ends_at)))).collect();
            self.orphans.push(StoredHandler { mode: None, timers, ..stored });
            return;
        };
        if saved_at < discarded_before {
            return self.take_up_afresh(&plugin, stored.mode.map(Into::into), generation);
        }
        let version = generation.manifest().version.clone();
        let snapshot = Snapshot { schema: stored.schema, state: stored.state };
        let mut handler = Handler::new(plugin.clone(), generation, None).with_snapshot(snapshot);
        handler.mode = stored.mode.map(Into::into);
        handler.ending = stored.ending;
        for (id, ends_at) in stored.timers {
            let delay = Duration::from_millis(left(ends_at)).min(limits::TIMER_MOST);
            handler.timers.insert(id, now + delay);
        }
        self.handlers.push(handler);
        for key in &stored.watches {
            self.watch(&plugin, key);
        }
        if version != stored.version {
            let event = Event::Upgraded { old_version: stored.version.into() };
            self.work.push_back(Work::Tell { plugin: plugin.clone(), event, body: None });
        }
        for request in stored.requests {
            let event = failed(request, Failure::Interrupted, "the server was restarted");
            self.work.push_back(Work::Tell { plugin: plugin.clone(), event, body: None });
        }
    }

    /// The operator has discarded what was stored of this plugin: a mode that ran begins anew, and nothing
    /// else is left of it.
    fn take_up_afresh(&mut self, plugin: &PluginId, mode: Option<Arc<str>>, generation: Arc<dyn Generation>) {
        tracing::info!(%plugin, device = %self.handle.device, "begins afresh: its state was discarded by the operator");
        if mode.is_none() {
            return;
        }
        let mut handler = Handler::new(plugin.clone(), generation, None);
        handler.mode.clone_from(&mode);
        self.handlers.push(handler);
        let event = Event::Started(self.start(mode));
        self.work.push_back(Work::Tell { plugin: plugin.clone(), event, body: None });
    }
}
