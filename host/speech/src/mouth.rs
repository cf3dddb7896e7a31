//! stub
use crate::encode::Downlink;
use crate::speak::Speaker;
use modehost_outbox::Outbox;
use std::sync::Arc;
pub struct Speaking {}
#[derive(Debug)]
pub struct Over;
impl Speaking {
    pub fn begin(
        _s: Arc<dyn Speaker>,
        _o: Outbox,
        _id: &str,
        _d: Downlink,
        _over: impl FnOnce() + Send + 'static,
    ) -> Self {
        Self {}
    }
    pub fn sentence(&self, _t: &str) -> Result<(), Over> {
        Ok(())
    }
    pub fn finish(&self) {}
    pub fn cut(&self) -> bool {
        false
    }
    pub fn pause(&self) {}
    pub fn resume(&self) {}
    pub fn abandon(&self) -> Vec<String> {
        vec![]
    }
    pub fn unsaid(&self) -> Vec<String> {
        vec![]
    }
    pub fn is_over(&self) -> bool {
        true
    }
    pub fn is_playing(&self) -> bool {
        false
    }
}
