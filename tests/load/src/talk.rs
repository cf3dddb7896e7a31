//! Messages at an interval, matched with their replies.
//!
//! Rule: messages are sent on schedule whether or not replies come, since devices do not wait either; so a pause of
//! the server shows in full (no coordinated omission).

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use tokio::sync::watch;
use tokio::time::{MissedTickBehavior, interval_at, timeout};

use crate::device::Device;

/// Timeout for the replies to the last messages.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(10);
const NUMBER: &str = "{n}";

/// A text with the number of a message at `{n}`, if it contains that.
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

    /// Matches `text`: `None` if it does not match, else the number in it, if the template has one.
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

/// The messages that devices send, and how their replies are recognised.
#[derive(Clone, Debug)]
pub struct Script {
    /// Numbers start at 1 for each device.
    pub message: Template,
    /// Contained in a reply; without a number, replies are matched with messages in order.
    pub reply: Template,
    /// Between two messages of a device.
    pub interval: Duration,
    /// Contained in replies of the new version.
    pub marker: Option<String>,
}

/// A message that was answered.
#[derive(Clone, Copy, Debug)]
pub struct Answered {
    pub sent: Instant,
    pub elapsed: Duration,
}

/// The results of one device.
#[derive(Debug, Default)]
pub struct DeviceStats {
    pub answered: Vec<Answered>,
    /// Messages without a reply.
    pub lost: usize,
    /// Replies without a pending message: duplicates, or from a session that lost its state.
    pub unexpected: usize,
    /// The connection ended.
    pub closed: bool,
    /// When the first reply of the new version came.
    pub on_new_version: Option<Instant>,
}

/// Shared by all devices of a measurement.
#[derive(Debug, Default)]
pub struct Progress {
    /// Devices that have received a reply of the new version.
    pub on_new_version: AtomicUsize,
}

/// Sends messages until `stop` changes (or its sender is dropped), then waits for the last replies.
pub async fn talk(
    mut device: Device,
    script: Arc<Script>,
    progress: Arc<Progress>,
    mut stop: watch::Receiver<()>,
) -> DeviceStats {
    // Devices start at random offsets within the interval.
    let begin = tokio::time::Instant::now() + script.interval.mul_f64(fastrand::f64());
    let mut ticks = interval_at(begin, script.interval);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Burst);
    let mut talk =
        Talk { script: &script, progress: &progress, pending: VecDeque::new(), stats: DeviceStats::default() };
    let mut number = 0;
    loop {
        tokio::select! {
            _ = stop.changed() => break,
            _ = ticks.tick() => {
                number += 1;
                talk.pending.push_back((number, Instant::now()));
                talk.stats.closed = device.send(script.message.fill(number).into()).await.is_err();
            }
            text = device.receive() => match text {
                Ok(text) => talk.on_text(&text),
                Err(_) => talk.stats.closed = true,
            },
        }
        if talk.stats.closed {
            break;
        }
    }
    let drain = async {
        while !talk.pending.is_empty() && !talk.stats.closed {
            match device.receive().await {
                Ok(text) => talk.on_text(&text),
                Err(_) => talk.stats.closed = true,
            }
        }
    };
    let _ = timeout(DRAIN_TIMEOUT, drain).await;
    talk.stats.lost = talk.pending.len();
    talk.stats
}

struct Talk<'s> {
    script: &'s Script,
    progress: &'s Progress,
    /// Messages not yet answered, oldest first.
    pending: VecDeque<(u64, Instant)>,
    stats: DeviceStats,
}

impl Talk<'_> {
    fn on_text(&mut self, text: &str) {
        let now = Instant::now();
        let Some(number) = self.script.reply.find(text) else { return };
        let index = match number {
            Some(number) => self.pending.iter().position(|(pending, _)| *pending == number),
            None => (!self.pending.is_empty()).then_some(0),
        };
        match index.and_then(|index| self.pending.remove(index)) {
            Some((_, sent)) => self.stats.answered.push(Answered { sent, elapsed: now - sent }),
            None => self.stats.unexpected += 1,
        }
        let new = self.script.marker.as_ref().is_some_and(|marker| text.contains(marker));
        if new && self.stats.on_new_version.is_none() {
            self.stats.on_new_version = Some(now);
            self.progress.on_new_version.fetch_add(1, Ordering::Relaxed);
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
