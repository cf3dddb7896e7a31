//! SQLite.
pub struct SqliteStorage;
