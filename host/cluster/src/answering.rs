//! What this node does when others ask it. Rule: requests are answered a bounded number at a time, and one that cannot be
//! read is not answered.

use std::sync::Arc;

use async_nats::Subscriber;
use futures_util::StreamExt;
use modehost_storage::traits::{Audience, Directory, NodeId};
use modehost_task::IoTasks;

use crate::claims::NodeClaims;
use crate::engine::Engine;
use crate::host::SessionHost;
use crate::limits;
use crate::requests::{Answer, Request, decode, encode};

/// Answers the requests of other nodes.
#[derive(Clone)]
pub(crate) struct Answering<D> {
    pub(crate) engine: Engine,
    pub(crate) own: NodeId,
    /// The devices connected here.
    pub(crate) local: D,
    pub(crate) host: Arc<dyn SessionHost>,
    pub(crate) claims: NodeClaims,
}

impl<D: Directory + Clone + Send + Sync + 'static> Answering<D> {
    /// Answers until it is dropped.
    pub(crate) async fn run(self) {
        let subject = self.engine.subject(&format!("to.{}", self.own));
        while let Ok(requests) = self.engine.client.subscribe(subject.clone()).await {
            self.serve(requests).await;
        }
    }

    async fn serve(&self, mut requests: Subscriber) {
        let mut running = IoTasks::default();
        loop {
            tokio::select! {
                Some(()) = running.next_end(), if !running.is_empty() => {}
                message = requests.next(), if running.len() < limits::REQUESTS => {
                    let Some(message) = message else { return };
                    let Some(request) = decode::<Request>(&message.payload) else { continue };
                    let answering = self.clone();
                    running.spawn(async move {
                        let answer = answering.answer(request).await;
                        if let (Some(reply), Some(payload)) = (message.reply, answer.and_then(|answer| encode(&answer))) {
                            let _ = answering.engine.client.publish(reply, payload).await;
                        }
                    });
                }
            }
        }
    }

    async fn answer(&self, request: Request) -> Option<Answer> {
        match request {
            // One that comes late is about a session of before.
            Request::LetGo { device, epoch } if self.claims.storage.owned_epoch(&device) == Some(epoch) => {
                self.host.let_go(device).await;
            }
            Request::LetGo { .. } => {}
            Request::TakeUp { device, from } => {
                if self.claims.take(&device, Some(from)).await {
                    self.host.resume(device).await;
                }
            }
            Request::Deliver { device, message, supersedes } => {
                let outcome = self.local.deliver(&device, &message, supersedes.as_ref()).await.ok()?;
                return Some(Answer::Delivered(outcome.into()));
            }
            Request::Broadcast { only, devices, message, supersedes } => {
                let audience = if only { Audience::Only(devices.into()) } else { Audience::AllBut(devices.into()) };
                let count = self.local.broadcast(audience, &message, supersedes.as_ref()).await.ok()?;
                return Some(Answer::Count(count as u64));
            }
            Request::Queued(device) => self.local.notify_queued(&device),
            Request::Devices => return Some(Answer::Devices(self.local.devices().await.ok()?)),
            Request::Connected => return Some(Answer::Count(self.local.connected().await.ok()? as u64)),
        }
        Some(Answer::Done)
    }
}
