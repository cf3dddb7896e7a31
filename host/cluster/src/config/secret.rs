//! Passwords and tokens for NATS. Rule: they are read and used, and never shown.

use modehost_ids::{Secret as Hidden, SecretKind};

/// A secret that neither `Debug` nor `Serialize` shows.
pub type Secret = Hidden<NatsSecret>;

/// See [`Secret`].
#[derive(Debug)]
pub enum NatsSecret {}

impl SecretKind for NatsSecret {
    const NAME: &'static str = "NatsSecret";
    const DESCRIPTION: &'static str = "A secret that neither `Debug` nor `Serialize` shows.";
}
