//! Models and webhooks that answer when the test says so. Rule: a model is asked when the session polls, as the traits
//! promise, and a cancelled question is visible.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::{BoxFuture, FutureExt, ready};
use futures_util::stream::{self, BoxStream, StreamExt};
use modehost_contract::effect::ModelRequest;
use modehost_contract::event::Failure;
use modehost_contract::{Hooks, ModelPart, Models};
use parking_lot::Mutex;
use tokio::sync::{mpsc, watch};

/// The questions and posts so far.
#[derive(Clone, Default)]
pub struct Script(Arc<Inner>);

#[derive(Default)]
struct Inner {
    answers: Mutex<Vec<mpsc::Sender<ModelPart>>>,
    asked: watch::Sender<usize>,
    posts: watch::Sender<Vec<[String; 3]>>,
}

impl Script {
    /// Waits until this many questions have been asked in all.
    pub async fn wait_asked(&self, times: usize) {
        let mut asked = self.0.asked.subscribe();
        let waited = tokio::time::timeout(Duration::from_secs(10), asked.wait_for(|asked| *asked >= times)).await;
        assert!(waited.is_ok(), "asked {} times", *self.0.asked.borrow());
    }

    /// Questions asked so far.
    pub fn asked(&self) -> usize {
        *self.0.asked.borrow()
    }

    /// Sends a chunk of the answer to a question, counted from 0.
    pub async fn send_chunk(&self, question: usize, text: &str) {
        let answer = self.0.answers.lock()[question].clone();
        answer.send(ModelPart::Chunk(text.into())).await.expect("somebody listens");
    }

    /// Completes the answer to a question, counted from 0.
    pub async fn send_answer(&self, question: usize, text: &str) {
        let answer = self.0.answers.lock()[question].clone();
        let done = ModelPart::Done { text: text.into(), prompt_tokens: 1, completion_tokens: 1, tool_calls: vec![] };
        answer.send(done).await.expect("somebody listens");
    }

    /// Waits until the session has dropped a question.
    pub async fn wait_dropped(&self, question: usize) {
        let answer = self.0.answers.lock()[question].clone();
        tokio::time::timeout(Duration::from_secs(10), answer.closed()).await.expect("dropped");
    }

    /// Waits until this many webhooks were posted; returns the hook, the sender and the body of each.
    pub async fn wait_posted(&self, times: usize) -> Vec<[String; 3]> {
        let mut posts = self.0.posts.subscribe();
        let waited = tokio::time::timeout(Duration::from_secs(10), posts.wait_for(|posts| posts.len() >= times)).await;
        waited.expect("posted").expect("open").clone()
    }
}

impl Models for Script {
    fn ask(&self, _: ModelRequest) -> BoxStream<'static, ModelPart> {
        let script = self.clone();
        let begin = async move {
            let (sender, receiver) = mpsc::channel(16);
            script.0.answers.lock().push(sender);
            script.0.asked.send_modify(|asked| *asked += 1);
            stream::unfold(receiver, |mut receiver| async { receiver.recv().await.map(|part| (part, receiver)) })
        };
        stream::once(begin).flatten().boxed()
    }
}

impl Hooks for Script {
    fn post(&self, hook: &str, sender: &str, body: String) -> BoxFuture<'static, Result<u16, (Failure, String)>> {
        self.0.posts.send_modify(|posts| posts.push([hook.to_owned(), sender.to_owned(), body]));
        ready(Ok(204)).boxed()
    }
}
