//! Limits, cancellation, configuration changes. Rule: a cancelled question costs the provider nothing, and a change
//! applies to the next question.

use futures_util::future::join_all;
use futures_util::{FutureExt, StreamExt};
use modehost_contract::service::{ModelPart, Models};
use modehost_llm::{Config, LanguageModels};
use modehost_provider::{Gate, Provider, Reply};
use serde_json::json;

use crate::setup::{ask, config, models, question, streamed};

#[tokio::test]
async fn l3_so_many_are_answered_at_once_and_all_in_the_end() {
    let provider = Provider::start();
    let gate = Gate::new();
    provider.default_reply(Reply::text("Yes.").until_open(&gate));
    let models = models(&provider, json!({ "max_concurrent": 2 }));
    let mut all = Box::pin(join_all((0..7).map(|_| ask(&models, streamed("?")))));
    assert!(all.as_mut().now_or_never().is_none());
    provider.wait_requests(2).await;
    gate.open();
    assert!(all.await.iter().all(|outcome| outcome.text() == "Yes."));
    assert_eq!((provider.max_in_flight(), provider.requests().len()), (2, 7));
}

#[tokio::test]
async fn l3_dropping_a_question_closes_its_connection_and_frees_its_turn() {
    let provider = Provider::start();
    let gate = Gate::new();
    let models = models(&provider, json!({ "max_concurrent": 1 }));

    // Before the answer, plain and streamed.
    for request in [question("?"), streamed("?")] {
        provider.queue(Reply::text("x").never());
        let mut parts = models.ask(request);
        assert!(parts.next().now_or_never().is_none());
        provider.wait_in_flight(1).await;
        drop(parts);
        provider.wait_in_flight(0).await;
    }
    // During the answer.
    provider.queue(Reply::chunks(&["One ", "two"]).until_open_after(1, &gate));
    let mut parts = models.ask(streamed("?"));
    assert_eq!(parts.next().await, Some(ModelPart::Chunk("One ".into())));
    // One that is queued behind it and gives up.
    let mut waiting = models.ask(question("never to be asked"));
    assert!(waiting.next().now_or_never().is_none());
    tokio::task::yield_now().await;
    drop(waiting);
    drop(parts);
    provider.wait_in_flight(0).await;

    assert_eq!(ask(&models, question("last")).await.text(), "OK");
    let asked = provider.requests();
    assert_eq!((asked.len(), asked[3].last_message()), (4, "last"));
}

#[tokio::test]
async fn a_question_that_is_not_polled_is_not_asked() {
    let provider = Provider::start();
    let models = models(&provider, json!({}));
    drop(models.ask(question("?")));
    ask(&models, question("the only one")).await;
    assert_eq!(provider.requests().len(), 1);
}

#[tokio::test]
async fn l2_a_change_concerns_the_next_question_and_no_running_one() {
    let (old, new) = (Provider::start(), Provider::start());
    let gate = Gate::new();
    old.default_reply(Reply::chunks(&["the ", "old"]).until_open_after(1, &gate));
    new.default_reply(Reply::text("the new"));
    let models = models(&old, json!({ "max_concurrent": 1 }));
    let mut running = models.ask(streamed("?"));
    assert_eq!(running.next().await, Some(ModelPart::Chunk("the ".into())));

    models.apply(&config(&new, json!({ "max_concurrent": 1, "api_key": "another" })));
    // The slots of the old provider do not limit the new one.
    assert_eq!(ask(&models, question("?")).await.text(), "the new");
    assert_eq!(new.requests()[0].headers["authorization"], "Bearer another");
    gate.open();
    let rest: Vec<ModelPart> = running.collect().await;
    assert!(matches!(rest.last(), Some(ModelPart::Done { text, .. }) if &**text == "the old"), "{rest:?}");

    models.apply(&Config::default());
    assert!(ask(&models, question("?")).await.last.is_err());
}

#[tokio::test]
async fn l2_what_a_change_does_not_concern_keeps_its_connection() {
    let provider = Provider::start();
    let models = models(&provider, json!({ "temperature": 0.1 }));
    for temperature in [0.1, 0.2, 0.3] {
        models.apply(&config(&provider, json!({ "temperature": temperature })));
        ask(&models, question("?")).await;
    }
    assert_eq!(provider.connections(), 1);
    assert_eq!(provider.requests()[2].body["temperature"], json!(0.3));
}

/// Sessions are polled on threads that are not workers of the runtime; they only use its timers.
#[test]
fn questions_may_be_polled_outside_the_workers() {
    let provider = Provider::start();
    provider.default_reply(Reply::chunks(&["a", "b"]));
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().expect("a runtime");
    let _within = runtime.enter();
    let models: std::sync::Arc<LanguageModels> = models(&provider, json!({}));
    let outcome = futures_executor(ask(&models, streamed("?")));
    assert_eq!(outcome.text(), "ab");
}

/// Polls on this thread, which does not belong to the runtime.
fn futures_executor<T>(future: impl Future<Output = T>) -> T {
    struct Unpark(std::thread::Thread);
    impl std::task::Wake for Unpark {
        fn wake(self: std::sync::Arc<Self>) {
            self.0.unpark();
        }
    }
    let waker = std::sync::Arc::new(Unpark(std::thread::current())).into();
    let mut context = std::task::Context::from_waker(&waker);
    let mut future = std::pin::pin!(future);
    loop {
        match future.as_mut().poll(&mut context) {
            std::task::Poll::Ready(value) => return value,
            std::task::Poll::Pending => std::thread::park(),
        }
    }
}
