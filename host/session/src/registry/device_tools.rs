//! Tools of a device, and sounds for it, at the request of an operator. Rule: the session says what there is, in order with its
//! events; waiting for the device is up to the caller, and is bounded.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use modehost_contract::effect::Tool;
use modehost_ids::DeviceId;
use modehost_mcp::{McpError, ToolResult};
use modehost_speech::Sound;
use tokio::sync::mpsc;
use tokio::time::timeout;

use super::Registry;
use crate::event::{Control, NotPlayed};
use crate::limits;
use crate::tools::OfferedTools;

/// Why a device does not do what an operator asks for.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DeviceRefusal {
    /// It has no connection.
    #[error("the device is not connected now")]
    Away,
    /// Its session has too much to do to answer in time.
    #[error("the session of this device is busy; ask again in a moment")]
    Busy,
    /// Too many calls wait for it.
    #[error("more than {0} calls wait for the device")]
    TooMany(usize),
    /// It has no such tool, or does not answer.
    #[error("{0}")]
    Tool(#[from] McpError),
    /// The sound is not played.
    #[error("{0}")]
    NotPlayed(#[from] NotPlayed),
}

impl Registry {
    /// The tools of a device.
    ///
    /// # Errors
    /// See [`DeviceRefusal`].
    pub async fn device_tools(&self, device: &DeviceId) -> Result<Arc<[Tool]>, DeviceRefusal> {
        match self.ask(device, Control::OfferTools).await? {
            OfferedTools::Server(client) => Ok(client.tools().await?.tools()),
            OfferedTools::Things(tools) => Ok(tools),
        }
    }

    /// Calls a tool of a device, with arguments in JSON.
    ///
    /// # Errors
    /// See [`DeviceRefusal`]; a tool that the device says has failed is a result.
    pub async fn call_device_tool(
        &self,
        device: &DeviceId,
        name: String,
        arguments: String,
    ) -> Result<ToolResult, DeviceRefusal> {
        match self.ask(device, Control::OfferTools).await? {
            OfferedTools::Server(client) => {
                let _permit = client.try_call().ok_or(DeviceRefusal::TooMany(limits::TOOL_CALLS))?;
                Ok(client.call(name, arguments).await?)
            }
            OfferedTools::Things(_) => {
                let text = self.ask(device, |outcome| Control::CallThing { name, arguments, outcome }).await?;
                let text = text.ok_or(DeviceRefusal::Tool(McpError::UnknownTool))?;
                Ok(ToolResult { text, failed: false })
            }
        }
    }

    /// Has a device play a sound, after what it is speaking.
    ///
    /// # Errors
    /// See [`DeviceRefusal`].
    pub async fn play(&self, device: &DeviceId, sound: Sound) -> Result<(), DeviceRefusal> {
        Ok(self.ask(device, |outcome| Control::Play { sound, outcome }).await??)
    }

    /// Stops what a device is speaking and what it would speak next. False if it is not connected.
    pub fn silence(&self, device: &DeviceId) -> bool {
        let Some(session) = self.find(device).filter(|session| session.connected.load(Ordering::Acquire) != 0) else {
            return false;
        };
        session.inbox.push_control(Control::Silence);
        true
    }

    /// The answer of the session of a connected device.
    async fn ask<T>(
        &self,
        device: &DeviceId,
        control: impl FnOnce(mpsc::Sender<T>) -> Control,
    ) -> Result<T, DeviceRefusal> {
        let session = self.find(device).filter(|session| session.connected.load(Ordering::Acquire) != 0);
        let session = session.ok_or(DeviceRefusal::Away)?;
        let (sender, mut receiver) = mpsc::channel(1);
        session.inbox.push_control(control(sender));
        match timeout(limits::STATE_SAMPLE_PATIENCE, receiver.recv()).await {
            Ok(Some(answer)) => Ok(answer),
            // The session has ended meanwhile.
            Ok(None) => Err(DeviceRefusal::Away),
            Err(_) => Err(DeviceRefusal::Busy),
        }
    }
}
