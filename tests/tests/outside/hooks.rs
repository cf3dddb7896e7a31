//! M.8: webhooks.
