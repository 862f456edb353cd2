//! What a holder leaves to its successor, in the row: `note`.

use std::sync::PoisonError;

use super::{LeaseRow, text};

impl LeaseRow {
    /// What the holder before this process left, once.
    pub(in super::super) fn take_note(&self) -> Option<String> {
        self.left.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// Leaves a text to the next holder, while `me` is the holder.
    pub(in super::super) async fn leave_note(&self, me: &str, note: &str) {
        let call = self
            .update()
            .update_expression("SET #note = :note")
            .condition_expression("#holder = :me")
            .expression_attribute_names("#note", "note")
            .expression_attribute_names("#holder", "holder")
            .expression_attribute_values(":note", text(note))
            .expression_attribute_values(":me", text(me));
        if let Err(error) = call.send().await {
            tracing::debug!("nothing is left to the next holder: {error}");
        }
    }
}
