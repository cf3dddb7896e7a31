//! Checks and converts the effects of a guest. Rule: every effect that leaves here is granted, within its limits and
//! well-formed; the first one that is not rejects the whole list, since a list commits together. An effect that needs
//! an optional grant that was not granted fails as a request instead, so that the plugin can do without.
//!
//! - [`table`]: name, weight, grants and check of each effect
//! - [`fields`]: checks that several effects share
//! - [`archive_hook`]: checks of archive entries and webhooks, and of the journals that the host inserts into them
//! - [`model`]: weight and check of a model request
//! - [`translate`]: conversion of an accepted effect to the contract's type

mod archive_hook;
mod fields;
mod model;
mod table;
mod translate;

use crate::limits;
use modehost_contract::effect::Query;
use modehost_contract::{Effect, Fault};

use self::table::Row;
use crate::bindings::v0_2::modehost::mode::effects as wit;
use crate::grants::Grants;

/// What the effects of one plugin are checked against.
pub(crate) struct EffectRules {
    pub grants: Grants,
    /// Maximum number of effects of one event.
    pub max_effects: usize,
}

impl EffectRules {
    /// Checks and converts the effects of one event.
    pub(crate) fn admit(&self, effects: impl ExactSizeIterator<Item = wit::Effect>) -> Result<Vec<Effect>, Fault> {
        if effects.len() > self.max_effects {
            return Err(Fault::BadEffects(format!(
                "{} effects for one event; at most {}",
                effects.len(),
                self.max_effects
            )));
        }
        let mut bytes = 0;
        let mut admitted = Vec::with_capacity(effects.len());
        for (index, effect) in effects.enumerate() {
            let denied = table::with_row(&effect, |row| match self.denial(&row) {
                Some(denied) => Ok(Some(denied)),
                None => self.check(&row, &mut bytes).map(|()| None),
            });
            match denied.map_err(|why| Fault::BadEffects(format!("effect {}: {why}", index + 1)))? {
                Some(denied) => admitted.push(denied.into()),
                None => admitted.push(translate::effect(effect)),
            }
            if bytes > limits::EFFECT_BYTES {
                return Err(Fault::BadEffects(format!("effects of more than {} bytes", limits::EFFECT_BYTES)));
            }
        }
        Ok(admitted)
    }

    /// The denial that replaces an effect whose optional grant was not granted.
    fn denial(&self, row: &Row<'_>) -> Option<Query> {
        if self.grants.are_complete() {
            return None;
        }
        let request = row.request?;
        let need = row.required.iter().flatten().find(|need| self.grants.is_withheld(need))?;
        let message =
            format!("`{}` is not granted; plugins.grants of the configuration says what is", need.kind.name());
        Some(Query::Denied { request, message })
    }

    /// Checks one effect and adds its bytes to the total.
    fn check(&self, row: &Row<'_>, bytes: &mut usize) -> Result<(), String> {
        *bytes += row.weight;
        (row.check)(row.name)?;
        match row.required.iter().flatten().find(|need| !self.grants.allow(need)) {
            Some(need) => Err(format!("`{}` needs the grant `{need}`, which this plugin has not", row.name)),
            None => Ok(()),
        }
    }
}
