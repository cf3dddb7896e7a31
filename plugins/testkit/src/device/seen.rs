//! Output of a device. Rule: each call takes what it returns, so that the next one returns what is new.

use modehost_contract::Effect;
use modehost_contract::effect::Output;
use serde_json::Value;

use super::TestDevice;

impl TestDevice {
    /// Messages that have reached the device since the last call.
    pub fn inbox(&mut self) -> Vec<Value> {
        self.world.borrow_mut().inboxes.remove(&*self.device.id).unwrap_or_default()
    }

    /// Effects since the last call.
    pub fn effects(&mut self) -> Vec<Effect> {
        std::mem::take(&mut self.effects)
    }

    /// Speech output since the last call; other effects stay. An empty text, which only ends an answer or silences,
    /// is left out.
    pub fn said(&mut self) -> Vec<String> {
        let mut said = Vec::new();
        self.effects.retain(|effect| match effect {
            Effect::Output(Output::Say { text, .. }) => {
                if !text.is_empty() {
                    said.push(text.clone());
                }
                false
            }
            _ => true,
        });
        said
    }

    /// Dispatched messages since the last call; other effects stay.
    pub fn dispatched(&mut self) -> Vec<Value> {
        let mut found = Vec::new();
        self.effects.retain(|effect| match effect {
            Effect::Output(Output::Dispatch(body)) => {
                found.push(serde_json::from_str(body).unwrap_or_default());
                false
            }
            _ => true,
        });
        found
    }
}
