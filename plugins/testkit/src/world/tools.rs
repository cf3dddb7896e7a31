//! Tools that devices offer. Rule: a call of an offered tool without a scripted answer times out, as with a device
//! that does not reply.

use std::collections::{HashMap, VecDeque};

use modehost_contract::Event;
use modehost_contract::effect::Tool;
use modehost_contract::event::Failure;
use modehost_contract::id::RequestId;
use serde_json::Value;

use super::request::failed;

/// Tools by device, answers by name of the tool.
#[derive(Default)]
pub(crate) struct Tools {
    offered: HashMap<String, Vec<Tool>>,
    /// Text, and whether the tool reports a failure.
    answers: HashMap<String, VecDeque<(String, bool)>>,
    /// Name and arguments of each call.
    pub(crate) called: Vec<(String, Value)>,
}

impl Tools {
    pub(crate) fn offer(&mut self, device: &str, tools: &[Tool]) {
        self.offered.insert(device.to_owned(), tools.to_vec());
    }

    pub(crate) fn write(&mut self, name: &str, text: &str, failed: bool) {
        self.answers.entry(name.to_owned()).or_default().push_back((text.to_owned(), failed));
    }

    pub(crate) fn list(&self, device: &str, request: RequestId) -> Event {
        let tools = self.offered.get(device).cloned().unwrap_or_default();
        Event::Tools { request, tools: tools.into() }
    }

    pub(crate) fn call(&mut self, device: &str, request: RequestId, name: &str, arguments: &str) -> Event {
        self.called.push((name.to_owned(), serde_json::from_str(arguments).unwrap_or_default()));
        let Some(offered) = self.offered.get(device).filter(|offered| !offered.is_empty()) else {
            return failed(request, Failure::Unavailable);
        };
        if !offered.iter().any(|tool| tool.name == name) {
            return failed(request, Failure::Rejected);
        }
        match self.answers.get_mut(name).and_then(VecDeque::pop_front) {
            Some((text, failed)) => Event::ToolDone { request, text: text.into(), failed },
            None => failed(request, Failure::TimedOut),
        }
    }
}
