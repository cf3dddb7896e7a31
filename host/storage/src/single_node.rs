//! Claims where there is one node only. Rule: it serves every device, and nothing is written for that.

use modehost_ids::DeviceId;

use crate::reply::Reply;
use crate::traits::Claims;

/// The only node.
#[derive(Clone, Copy, Debug, Default)]
pub struct SingleNode;

impl Claims for SingleNode {
    fn claim(&self, _device: &DeviceId) -> Reply<()> {
        Reply::ready(Ok(()))
    }

    fn reclaim(&self, device: &DeviceId) -> Reply<()> {
        self.claim(device)
    }

    fn owns(&self, _device: &DeviceId) -> bool {
        true
    }
}
