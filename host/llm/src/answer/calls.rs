//! Calls of tools that come in pieces. Rule: however careless a service numbers them, the pieces of one call
//! stay together and those of two apart.

use crate::limits;
use modehost_contract::effect::ToolCall;

use crate::fault::Fault;
use crate::half::Joiner;
use crate::packet::CallPiece;

/// The calls so far.
#[derive(Debug, Default)]
pub(super) struct Calls {
    calls: Vec<ToolCall>,
    /// Of the arguments of each.
    joiners: Vec<Joiner>,
    /// Where each call stands, by the provider's index.
    places: Vec<(usize, usize)>,
}

impl Calls {
    pub(super) fn is_empty(&self) -> bool {
        self.calls.is_empty()
    }

    /// Whether the arguments of each are JSON, or none.
    pub(super) fn are_whole(&self) -> bool {
        let is_whole = |call: &ToolCall| {
            let arguments = call.arguments.trim();
            arguments.is_empty() || serde_json::from_str::<serde_json::Value>(arguments).is_ok()
        };
        self.calls.iter().all(is_whole)
    }

    /// Those that have a name: nobody could tell what else is to be called.
    pub(super) fn complete(self) -> Vec<ToolCall> {
        self.calls.into_iter().filter(|call| !call.name.is_empty()).collect()
    }

    /// Takes a piece, and says how many bytes it adds.
    ///
    /// # Errors
    /// If there are too many calls.
    pub(super) fn push(&mut self, piece: CallPiece) -> Result<usize, Fault> {
        let CallPiece { index, id, name, arguments } = piece;
        let place = match self.place_of(index, id.as_deref(), name.as_deref()) {
            Some(place) => place,
            None => {
                let place = self.calls.len();
                if place == limits::MODEL_TOOL_CALLS {
                    return Err(Fault::TooLong);
                }
                self.places.push((index.unwrap_or(place), place));
                self.calls.push(ToolCall { id: String::new(), name: String::new(), arguments: String::new() });
                self.joiners.push(Joiner::default());
                place
            }
        };
        let bytes = arguments.len() + name.as_ref().map_or(0, String::len) + id.as_ref().map_or(0, String::len);
        let call = &mut self.calls[place];
        // Some services give every piece an id of its own.
        if let Some(id) = id.filter(|_| call.id.is_empty()) {
            call.id = id;
        }
        // Some services repeat the name with every piece.
        if let Some(name) = name.filter(|_| call.name.is_empty()) {
            call.name = name;
        }
        self.joiners[place].push(&arguments, &mut call.arguments);
        Ok(bytes)
    }

    /// The call that a piece belongs to; none if it begins one. Services number all calls 0 and tell them
    /// apart by ids, or give each piece a new id, or number the rest of a call unlike its beginning: a known
    /// id is believed first, a call begins with its name, and it has one name only.
    fn place_of(&self, index: Option<usize>, id: Option<&str>, name: Option<&str>) -> Option<usize> {
        let calls = &self.calls;
        let fits = |place: &usize| {
            let known = &calls[*place].name;
            name.is_none_or(|name| known.is_empty() || known == name)
        };
        let last = calls.len().checked_sub(1);
        let of_index = index.and_then(|index| self.places.iter().rev().find(|(known, _)| *known == index));
        let of_index = of_index.map(|(_, place)| *place);
        // Even with an id that another call has: some services make the id of the name.
        let is_head = name.is_some() && index.is_some() && of_index.is_none();
        if let Some(id) = id {
            let is_same = |place: &usize| calls[*place].id == id;
            let known = of_index.filter(is_same).or_else(|| (0..calls.len()).rev().find(is_same));
            if let Some(known) = known.filter(|known| fits(known) && !is_head) {
                return Some(known);
            }
        }
        match (of_index, id) {
            // A call that came without its id or its name is given it.
            (Some(place), Some(_)) => Some(place).filter(|place| {
                name.is_none() || calls[*place].name.is_empty() || calls[*place].id.is_empty() && fits(place)
            }),
            (Some(place), None) => Some(place).filter(fits),
            // Where there is no number, a new id without a name begins nothing.
            (None, Some(_)) => last.filter(|_| index.is_none() && name.is_none()),
            (None, None) => last.filter(|last| fits(last) && !is_head),
        }
    }
}
