//! The releases of one plugin and their succession. Rule: pure state, time is passed in; at most two generations serve
//! sessions at once, and the previous one stays the fallback until the newer one has passed its trial.

use std::sync::Arc;
use std::time::{Duration, Instant};

use modehost_contract::{Candidate, CatalogEntry, Generation};
use modehost_ids::{DeviceId, GenerationId};

use super::release::Release;
use super::trial::{Trial, Verdict};

/// One plugin.
pub(crate) struct PluginSlot {
    pub active: Release,
    pub candidate: Option<CandidateRelease>,
    /// The previous release; sessions for which the newer one fails roll back to it.
    pub fallback: Option<Release>,
    /// Trial of the candidate if there is one, else of the active release.
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

/// Outcome of a trial check.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum TrialCheck {
    Unchanged,
    /// The table has to be published.
    TableChanged,
    /// The active release has passed its trial.
    Passed,
}

impl PluginSlot {
    /// The first release of a plugin: active for all devices at once.
    pub(super) fn first(release: Release, now: Instant) -> Self {
        Self {
            active: release,
            candidate: None,
            fallback: None,
            trial: Trial::passed(now),
            discards_state: None,
            discarded_before: 0,
        }
    }

    /// Starts the trial of a new release: as a candidate for `canary_percent` of the devices if that is 1 to 99, else
    /// as the active release.
    pub(super) fn start_trial(&mut self, release: Release, canary_percent: u8, now: Instant) {
        // A running trial ends here: a release that served somebody and failed nobody counts as good; otherwise its
        // predecessor stays the fallback.
        self.candidate = None;
        let good = match self.fallback.take() {
            Some(fallback) if !self.trial.is_clean() => fallback,
            _ => self.active.clone(),
        };
        self.trial = Trial::begin(now);
        self.discards_state = None;
        let file = release.file.clone();
        // New settings for the same code apply to all devices at once.
        let same_code = good.code() == release.code();
        if (1..100).contains(&canary_percent) && !same_code {
            self.active = good;
            self.candidate = Some(CandidateRelease { release, percent: canary_percent });
        } else {
            self.fallback = Some(good);
            self.active = release;
        }
        // All releases of a plugin share one file. If older ones kept another path, the plugin would be removed when
        // that file goes, or stay when the new one goes.
        for older in std::iter::once(&mut self.active).chain(&mut self.fallback) {
            older.file.clone_from(&file);
        }
    }

    /// Replaces the active release and the candidate by the same code with other settings; the candidate's trial goes
    /// on. Returns `active` if there is no candidate.
    pub(super) fn replace_config(&mut self, active: Release, candidate: Option<Release>) -> Option<Release> {
        match (&mut self.candidate, candidate) {
            (Some(current), Some(candidate)) => {
                current.release = candidate;
                self.active = active;
                None
            }
            _ => Some(active),
        }
    }

    /// Removes the newest release in favour of the previous one; `None` if there is none.
    pub(super) fn roll_back(&mut self) -> Option<Release> {
        let release = match (self.candidate.take(), self.fallback.take()) {
            (Some(candidate), fallback) => {
                self.fallback = fallback;
                candidate.release
            }
            (None, Some(fallback)) => std::mem::replace(&mut self.active, fallback),
            (None, None) => return None,
        };
        self.trial = Trial::passed(Instant::now());
        if self.discards_state.take().is_some() {
            self.discarded_before = 0;
        }
        Some(release)
    }

    /// Checks whether the trial is due: an active release that passed ends its trial, a candidate becomes active for
    /// all devices.
    pub(super) fn check_trial(&mut self, now: Instant, window: Duration) -> TrialCheck {
        match self.trial.check(now, window) {
            Verdict::Pending => TrialCheck::Unchanged,
            Verdict::Retry => TrialCheck::TableChanged,
            Verdict::Passed => match self.candidate.take() {
                Some(candidate) => {
                    // It serves the other devices now, which is a trial of its own.
                    self.fallback = Some(std::mem::replace(&mut self.active, candidate.release));
                    let trial = std::mem::replace(&mut self.trial, Trial::begin(now));
                    self.trial = trial.extend(now);
                    TrialCheck::TableChanged
                }
                None => TrialCheck::Passed,
            },
        }
    }

    /// Sessions that move to the newest release start without their state, and so do stored sessions older than
    /// `now_ms`.
    pub(super) fn discard_state(&mut self, now_ms: u64) {
        self.discards_state = Some(self.newest().generation.id());
        self.discarded_before = now_ms;
    }

    /// The newest release has served a session.
    pub(super) fn record_served(&mut self, device: &DeviceId) {
        self.trial.record_served(device);
    }

    /// A session was rolled back from the newest release. True if that exceeds the limit.
    pub(super) fn record_rollback(&mut self, device: &DeviceId, max_faults: u32) -> bool {
        self.trial.record_rollback(device, max_faults)
    }

    /// The candidate if there is one, else the active release.
    pub(crate) fn newest(&self) -> &Release {
        self.candidate.as_ref().map_or(&self.active, |candidate| &candidate.release)
    }

    /// The release that the newest one rolls back to.
    pub(super) fn previous(&self) -> Option<&Release> {
        if self.candidate.is_some() { Some(&self.active) } else { self.fallback.as_ref() }
    }

    /// Active, candidate and fallback.
    pub(super) fn releases(&self) -> impl Iterator<Item = &Release> {
        let candidate = self.candidate.as_ref().map(|candidate| &candidate.release);
        std::iter::once(&self.active).chain(candidate).chain(&self.fallback)
    }

    /// The release that is known to be good; an active release on trial is not.
    pub(super) fn known_good(&self) -> &Release {
        let on_trial = self.candidate.is_none() && self.is_on_trial();
        if on_trial { self.fallback.as_ref().unwrap_or(&self.active) } else { &self.active }
    }

    /// True until the newest release has passed its trial.
    pub(crate) fn is_on_trial(&self) -> bool {
        self.trial.is_open()
    }

    /// Sessions that were rolled back from the newest release and have not been served by it since.
    pub(crate) fn rolled_back_sessions(&self) -> usize {
        self.trial.rolled_back_sessions()
    }

    /// The table entry that sessions see.
    pub(super) fn entry(&self) -> CatalogEntry {
        let as_generation = |release: &Release| -> Arc<dyn Generation> { release.generation.clone() };
        let candidate = self.candidate.as_ref();
        CatalogEntry {
            active: as_generation(&self.active),
            candidate: candidate.map(|one| Candidate { generation: as_generation(&one.release), percent: one.percent }),
            fallback: self.fallback.as_ref().map(as_generation),
            on_trial: self.is_on_trial(),
            round: self.trial.round,
            discards_state: self.discards_state,
            discarded_before: self.discarded_before,
        }
    }
}
