//! Numbers by which modes name what they ask for. Rule: chosen by the mode, except for versions of documents.

/// Chosen by the mode; unique among its open requests.
pub type RequestId = u64;
/// Chosen by the mode.
pub type TimerId = u64;
/// 0: the document does not exist.
pub type DocumentVersion = u64;
