//! Messages at an interval, and what became of their replies.
//!
//! Rule: messages go out on time whether or not replies come, as devices do not wait either; so a
//! pause of the server shows in full.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use tokio::sync::watch;
use tokio::time::{MissedTickBehavior, interval_at, timeout};

use crate::device::Device;

/// Replies to the last messages are waited for this long.
const DRAIN: Duration = Duration::from_secs(10);
const NUMBER: &str = "{n}";

/// A text with the number of a message at `{n}`, if it has one.
#[derive(Clone, Debug)]
pub struct Template(String);

impl Template {
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text for message `number`.
    pub fn fill(&self, number: u64) -> String {
        self.0.replace(NUMBER, &number.to_string())
    }

    /// What `text` says: nothing to this template, or a match, with its number if there is one.
    fn find(&self, text: &str) -> Option<Option<u64>> {
        let Some((before, after)) = self.0.split_once(NUMBER) else {
            return text.contains(&self.0).then_some(None);
        };
        let (_, rest) = text.split_once(before)?;
        let digits = rest.len() - rest.trim_start_matches(|c: char| c.is_ascii_digit()).len();
        let (number, rest) = rest.split_at(digits);
        let number = number.parse().ok()?;
        rest.starts_with(after).then_some(Some(number))
    }
}

/// What devices say and what they take for the reply.
#[derive(Clone, Debug)]
pub struct Script {
    /// Numbers count from 1 for each device.
    pub message: Template,
    /// A reply holds this; without a number, replies belong to messages in order.
    pub reply: Template,
    /// Between two messages of a device.
    pub interval: Duration,
    /// A reply that holds this comes from the new version.
    pub marker: Option<String>,
}

/// A message that was answered.
#[derive(Clone, Copy, Debug)]
pub struct Answered {
    pub sent: Instant,
    pub took: Duration,
}

/// What one device has seen.
#[derive(Debug, Default)]
pub struct Heard {
    pub answered: Vec<Answered>,
    /// Messages without a reply.
    pub lost: usize,
    /// Replies to no open message: doubled, or of a session that forgot where it was.
    pub unasked: usize,
    /// The connection ended.
    pub closed: bool,
    /// The first reply of the new version.
    pub renewed: Option<Instant>,
}

/// What all devices of a talk share.
#[derive(Debug, Default)]
pub struct Progress {
    /// Devices that have heard the new version.
    pub renewed: AtomicUsize,
}

/// Talks until `stop` changes (or its sender is gone), then waits for the last replies.
pub async fn talk(
    mut device: Device,
    script: Arc<Script>,
    progress: Arc<Progress>,
    mut stop: watch::Receiver<()>,
) -> Heard {
    // Devices are spread over the interval, as they are in life.
    let begin = tokio::time::Instant::now() + script.interval.mul_f64(fastrand::f64());
    let mut ticks = interval_at(begin, script.interval);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Burst);
    let mut talk = Talk { script: &script, progress: &progress, open: VecDeque::new(), heard: Heard::default() };
    let mut number = 0;
    loop {
        tokio::select! {
            _ = stop.changed() => break,
            _ = ticks.tick() => {
                number += 1;
                talk.open.push_back((number, Instant::now()));
                talk.heard.closed = device.send(script.message.fill(number).into()).await.is_err();
            }
            text = device.receive() => match text {
                Ok(text) => talk.take(&text),
                Err(_) => talk.heard.closed = true,
            },
        }
        if talk.heard.closed {
            break;
        }
    }
    let drain = async {
        while !talk.open.is_empty() && !talk.heard.closed {
            match device.receive().await {
                Ok(text) => talk.take(&text),
                Err(_) => talk.heard.closed = true,
            }
        }
    };
    let _ = timeout(DRAIN, drain).await;
    talk.heard.lost = talk.open.len();
    talk.heard
}

struct Talk<'s> {
    script: &'s Script,
    progress: &'s Progress,
    /// Messages not yet answered, oldest first.
    open: VecDeque<(u64, Instant)>,
    heard: Heard,
}

impl Talk<'_> {
    fn take(&mut self, text: &str) {
        let now = Instant::now();
        let Some(number) = self.script.reply.find(text) else { return };
        let place = match number {
            Some(number) => self.open.iter().position(|(open, _)| *open == number),
            None => (!self.open.is_empty()).then_some(0),
        };
        match place.and_then(|place| self.open.remove(place)) {
            Some((_, sent)) => self.heard.answered.push(Answered { sent, took: now - sent }),
            None => self.heard.unasked += 1,
        }
        let new = self.script.marker.as_ref().is_some_and(|marker| text.contains(marker));
        if new && self.heard.renewed.is_none() {
            self.heard.renewed = Some(now);
            self.progress.renewed.fetch_add(1, Ordering::Relaxed);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn templates_find_their_number() {
        let template = Template::new(r#""count":{n},"#);
        assert_eq!(template.find(r#"{"type":"x","count":17,"y":2}"#), Some(Some(17)));
        assert_eq!(template.find(r#"{"type":"x","count":"a"}"#), None);
        assert_eq!(template.find(r#"{"type":"x"}"#), None);
        assert_eq!(Template::new("pong").find(r#"{"type":"pong"}"#), Some(None));
        assert_eq!(Template::new(r#"{"n":{n}}"#).fill(3), r#"{"n":3}"#);
    }
}
