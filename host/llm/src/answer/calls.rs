//! Streamed tool calls. Rule: however carelessly a service numbers them, fragments of one call are joined and different
//! calls are kept apart.

use crate::limits;
use modehost_contract::effect::ToolCall;

use crate::fault::Fault;
use crate::packet::CallDelta;
use crate::split_character::TextJoiner;

/// The calls so far.
#[derive(Debug, Default)]
pub(super) struct Calls {
    calls: Vec<ToolCall>,
    /// For the arguments of each call.
    joiners: Vec<TextJoiner>,
    /// Position of each call, by the provider's index.
    positions: Vec<(usize, usize)>,
}

impl Calls {
    pub(super) fn is_empty(&self) -> bool {
        self.calls.is_empty()
    }

    /// Whether the arguments of each call are complete JSON, or empty.
    pub(super) fn are_complete(&self) -> bool {
        let is_whole = |call: &ToolCall| {
            let arguments = call.arguments.trim();
            arguments.is_empty() || serde_json::from_str::<serde_json::Value>(arguments).is_ok()
        };
        self.calls.iter().all(is_whole)
    }

    /// The calls that have a name: others cannot be executed.
    pub(super) fn complete(self) -> Vec<ToolCall> {
        self.calls.into_iter().filter(|call| !call.name.is_empty()).collect()
    }

    /// Adds a fragment; returns its size in bytes.
    ///
    /// # Errors
    /// If there are too many calls.
    pub(super) fn push(&mut self, delta: CallDelta) -> Result<usize, Fault> {
        let CallDelta { index, id, name, arguments } = delta;
        let position = match self.position_of(index, id.as_deref(), name.as_deref()) {
            Some(position) => position,
            None => {
                let position = self.calls.len();
                if position == limits::MODEL_TOOL_CALLS {
                    return Err(Fault::TooLong);
                }
                self.positions.push((index.unwrap_or(position), position));
                self.calls.push(ToolCall { id: String::new(), name: String::new(), arguments: String::new() });
                self.joiners.push(TextJoiner::default());
                position
            }
        };
        let bytes = arguments.len() + name.as_ref().map_or(0, String::len) + id.as_ref().map_or(0, String::len);
        let call = &mut self.calls[position];
        // Some services give every fragment a new id.
        if let Some(id) = id.filter(|_| call.id.is_empty()) {
            call.id = id;
        }
        // Some services repeat the name in every fragment.
        if let Some(name) = name.filter(|_| call.name.is_empty()) {
            call.name = name;
        }
        self.joiners[position].push(&arguments, &mut call.arguments);
        Ok(bytes)
    }

    /// The position of the call that a fragment belongs to; `None` if it starts a new one. Some services number all
    /// calls 0 and distinguish them by ids, others give each fragment a new id, or number the rest of a call unlike its
    /// start. So a known id decides first, a call starts with its name, and it has one name only.
    fn position_of(&self, index: Option<usize>, id: Option<&str>, name: Option<&str>) -> Option<usize> {
        let calls = &self.calls;
        let fits = |position: &usize| {
            let known = &calls[*position].name;
            name.is_none_or(|name| known.is_empty() || known == name)
        };
        let last = calls.len().checked_sub(1);
        let of_index = index.and_then(|index| self.positions.iter().rev().find(|(known, _)| *known == index));
        let of_index = of_index.map(|(_, position)| *position);
        // Starts a call even if another has the same id: some services derive the id from the name.
        let is_head = name.is_some() && index.is_some() && of_index.is_none();
        if let Some(id) = id {
            let is_same = |position: &usize| calls[*position].id == id;
            let known = of_index.filter(is_same).or_else(|| (0..calls.len()).rev().find(is_same));
            if let Some(known) = known.filter(|known| fits(known) && !is_head) {
                return Some(known);
            }
        }
        match (of_index, id) {
            // A call without id or name receives it later.
            (Some(position), Some(_)) => Some(position).filter(|position| {
                name.is_none() || calls[*position].name.is_empty() || calls[*position].id.is_empty() && fits(position)
            }),
            (Some(position), None) => Some(position).filter(fits),
            // Without an index, a new id unnamed does not start a call.
            (None, Some(_)) => last.filter(|_| index.is_none() && name.is_none()),
            (None, None) => last.filter(|last| fits(last) && !is_head),
        }
    }
}
