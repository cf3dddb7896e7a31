//! Claims where there is one node only. Rule: it serves every device, and nothing is written for that.

use modehost_ids::DeviceId;

use crate::reply::Reply;
use crate::traits::Claims;

/// The one that never ends.
const EPOCH: u64 = 0;

/// The only node.
#[derive(Clone, Copy, Debug, Default)]
pub struct SingleNode;

impl Claims for SingleNode {
    fn claim(&self, _device: &DeviceId) -> Reply<u64> {
        Reply::ready(Ok(EPOCH))
    }

    fn epoch(&self, _device: &DeviceId) -> Option<u64> {
        Some(EPOCH)
    }
}
