//! The releases of one plugin and how they follow each other. Rule: pure state, time is given; a plugin never has
//! more than two generations alive for its sessions, and the one before stays the way back until the newer one has
//! proven itself.

use std::sync::Arc;
use std::time::{Duration, Instant};

use modehost_contract::{Candidate, Entry, Generation};
use modehost_ids::{DeviceId, GenerationId};

use super::release::Release;
use super::trial::{Trial, Verdict};

/// One plugin.
pub(crate) struct PluginSlot {
    pub active: Release,
    pub candidate: Option<CandidateRelease>,
    /// The release before; sessions that the newer one fails go back to it.
    pub fallback: Option<Release>,
    /// Of the candidate if there is one, else of the active release.
    trial: Trial,
    /// See [`Entry::discards_state`].
    discards_state: Option<GenerationId>,
    /// See [`Entry::discarded_before`].
    pub discarded_before: u64,
}

/// A release that serves a share of the devices.
#[derive(Clone)]
pub(crate) struct CandidateRelease {
    pub release: Release,
    /// 1 to 99.
    pub percent: u8,
}

/// What the end of a trial has changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Settled {
    Nothing,
    /// The table is another one.
    Changed,
    /// The active release is known to be good from now on.
    Good,
}

impl PluginSlot {
    /// Of the first release of a plugin: it serves everybody at once.
    pub(super) fn first(release: Release, now: Instant) -> Self {
        Self {
            active: release,
            candidate: None,
            fallback: None,
            trial: Trial::proven(now),
            discards_state: None,
            discarded_before: 0,
        }
    }

    /// Puts a release on trial in place of the newest, for `canary_percent` of the devices where that is 1 to 99.
    pub(super) fn succeed(&mut self, release: Release, canary_percent: u8, now: Instant) {
        // A trial that still runs ends here: what served somebody and failed nobody counts as good. Where it
        // did not, the one before stays the way back.
        self.candidate = None;
        let good = match self.fallback.take() {
            Some(fallback) if !self.trial.is_spotless() => fallback,
            _ => self.active.clone(),
        };
        self.trial = Trial::begin(now);
        self.discards_state = None;
        let file = release.file.clone();
        // Other settings for the same code hold for everybody at once.
        let same_code = good.code() == release.code();
        if (1..100).contains(&canary_percent) && !same_code {
            self.active = good;
            self.candidate = Some(CandidateRelease { release, percent: canary_percent });
        } else {
            self.fallback = Some(good);
            self.active = release;
        }
        // A plugin has one file. With its older releases left at another one, it would be taken
        // for gone when that goes, or stay when the new one does.
        for older in std::iter::once(&mut self.active).chain(&mut self.fallback) {
            older.file.clone_from(&file);
        }
    }

    /// Puts other settings in force for the active release and the candidate, without a new trial of the candidate;
    /// gives `active` back where there is no candidate.
    pub(super) fn replace_both(&mut self, active: Release, candidate: Option<Release>) -> Option<Release> {
        match (&mut self.candidate, candidate) {
            (Some(current), Some(candidate)) => {
                current.release = candidate;
                self.active = active;
                None
            }
            _ => Some(active),
        }
    }

    /// Takes the newest release out, for the one before it; none if nothing before it is kept.
    pub(super) fn roll_back(&mut self) -> Option<Release> {
        let release = match (self.candidate.take(), self.fallback.take()) {
            (Some(candidate), fallback) => {
                self.fallback = fallback;
                candidate.release
            }
            (None, Some(fallback)) => std::mem::replace(&mut self.active, fallback),
            (None, None) => return None,
        };
        self.trial = Trial::proven(Instant::now());
        if self.discards_state.take().is_some() {
            self.discarded_before = 0;
        }
        Some(release)
    }

    /// Looks whether the trial's time is over: one that has proven itself ends, a candidate begins to serve all.
    pub(super) fn settle(&mut self, now: Instant, window: Duration) -> Settled {
        match self.trial.look(now, window) {
            Verdict::Pending => Settled::Nothing,
            Verdict::Retry => Settled::Changed,
            Verdict::Proven => match self.candidate.take() {
                Some(candidate) => {
                    // Now it serves the other devices as well, which is a trial of its own.
                    self.fallback = Some(std::mem::replace(&mut self.active, candidate.release));
                    let trial = std::mem::replace(&mut self.trial, Trial::begin(now));
                    self.trial = trial.widen(now);
                    Settled::Changed
                }
                None => Settled::Good,
            },
        }
    }

    /// The sessions that the newest release takes over from another begin without their state, and so do
    /// stored ones that are older than `now_ms`.
    pub(super) fn discard_state(&mut self, now_ms: u64) {
        self.discards_state = Some(self.newest().generation.id());
        self.discarded_before = now_ms;
    }

    /// A session was served by the newest release.
    pub(super) fn served(&mut self, device: &DeviceId) {
        self.trial.served(device);
    }

    /// A session went back from the newest release. True if that is one too many.
    pub(super) fn went_back(&mut self, device: &DeviceId, most: u32) -> bool {
        self.trial.went_back(device, most)
    }

    /// The release that came last: the candidate, or the active one.
    pub(crate) fn newest(&self) -> &Release {
        self.candidate.as_ref().map_or(&self.active, |candidate| &candidate.release)
    }

    /// The one that the newest goes back to.
    pub(super) fn before_newest(&self) -> Option<&Release> {
        if self.candidate.is_some() { Some(&self.active) } else { self.fallback.as_ref() }
    }

    /// All of them.
    pub(super) fn releases(&self) -> impl Iterator<Item = &Release> {
        let candidate = self.candidate.as_ref().map(|candidate| &candidate.release);
        std::iter::once(&self.active).chain(candidate).chain(&self.fallback)
    }

    /// The release that is known to be good: what is on trial for all is not.
    pub(super) fn good(&self) -> &Release {
        let tried = self.candidate.is_none() && self.is_on_trial();
        if tried { self.fallback.as_ref().unwrap_or(&self.active) } else { &self.active }
    }

    /// True while the newest release has yet to prove itself.
    pub(crate) fn is_on_trial(&self) -> bool {
        self.trial.is_open()
    }

    /// Sessions that went back from the newest release and have not been served by it since.
    pub(crate) fn open_faults(&self) -> usize {
        self.trial.open_faults()
    }

    /// What sessions see of it.
    pub(super) fn entry(&self) -> Entry {
        let shared = |release: &Release| -> Arc<dyn Generation> { release.generation.clone() };
        let candidate = self.candidate.as_ref();
        Entry {
            active: shared(&self.active),
            candidate: candidate.map(|one| Candidate { generation: shared(&one.release), percent: one.percent }),
            fallback: self.fallback.as_ref().map(shared),
            on_trial: self.is_on_trial(),
            round: self.trial.round,
            discards_state: self.discards_state,
            discarded_before: self.discarded_before,
        }
    }
}
