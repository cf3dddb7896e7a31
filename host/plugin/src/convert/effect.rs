//! The effects of a guest, checked. Rule: what leaves here is granted, within its limits and
//! well-formed; the first effect that is not refuses the whole list, since a list commits together.
//! What the plugin would only welcome and has not been granted fails as a request, so that it can do
//! without.
//!
//! - [`table`]: for each effect its name, its weight, its grants and its check
//! - [`form`]: checks that several effects share
//! - [`keep`]: checks of archives, webhooks and the journals that the host puts into them
//! - [`model`]: the weight and the check of a question to a model
//! - [`translate`]: an effect that was let through, in the words of the host

mod form;
mod keep;
mod model;
mod table;
mod translate;

use crate::limits;
use modehost_contract::effect::Query;
use modehost_contract::{Effect, Fault};

use self::table::Row;
use crate::bindings::v0_2::modehost::mode::effects as wit;
use crate::grants::Grants;

/// What the effects of one plugin are held against.
pub(crate) struct Rules {
    pub grants: Grants,
    /// Effects of one event.
    pub count: usize,
}

impl Rules {
    /// Checks and converts the effects of one event.
    pub(crate) fn admit(&self, effects: impl ExactSizeIterator<Item = wit::Effect>) -> Result<Vec<Effect>, Fault> {
        if effects.len() > self.count {
            return Err(Fault::BadEffects(format!("{} effects for one event; at most {}", effects.len(), self.count)));
        }
        let mut bytes = 0;
        let mut admitted = Vec::with_capacity(effects.len());
        for (index, effect) in effects.enumerate() {
            let denied = table::row(&effect, |row| match self.denies(&row) {
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

    /// What takes the place of an effect that the plugin would only welcome and has not been granted.
    fn denies(&self, row: &Row<'_>) -> Option<Query> {
        if self.grants.are_whole() {
            return None;
        }
        let request = row.request?;
        let need = row.needs.iter().flatten().find(|need| self.grants.decline(need))?;
        let message =
            format!("`{}` is not granted; plugins.grants of the configuration says what is", need.kind.name());
        Some(Query::Denied { request, message })
    }

    /// Says what is wrong with one effect, and adds its bytes.
    fn check(&self, row: &Row<'_>, bytes: &mut usize) -> Result<(), String> {
        *bytes += row.weight;
        (row.check)(row.name)?;
        match row.needs.iter().flatten().find(|need| !self.grants.allow(need)) {
            Some(need) => Err(format!("`{}` needs the grant `{need}`, which this plugin has not", row.name)),
            None => Ok(()),
        }
    }
}
