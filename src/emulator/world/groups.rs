//! Input security groups: the addresses that may push to a push input.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::channels::with_token;
use super::{Document, World};
use crate::emulator::error::{ApiError, ErrorKind};
use crate::emulator::page::page;
use crate::emulator::request::{Now, Request};
use crate::emulator::validate;

/// An input security group
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SecurityGroup {
    pub(super) doc: Document,
    pub(super) deleted: bool,
    /// When it was deleted
    #[serde(default)]
    pub(super) gone_at: Option<Duration>,
}

impl World {
    pub(super) fn create_group(&mut self, request: &Request) -> Result<Value, ApiError> {
        let body = validate::object(&request.body)?;
        let rules = validate::whitelist(body)?;
        validate::tags(body)?;
        let count = self.groups.values().filter(|group| !group.deleted).count();
        let quota = self.settings.quotas.security_groups;
        if count >= quota {
            let text = format!(
                "Limit exceeded: the account has {count} input security groups, its quota is {quota}"
            );
            return Err(ApiError::new(ErrorKind::TooManyRequests, text));
        }
        let id = self.new_id();
        let mut doc = Document::new();
        doc.insert("arn".into(), json!(self.arn("inputSecurityGroup", &id)));
        doc.insert("id".into(), json!(id));
        doc.insert(
            "tags".into(),
            body.get("tags")
                .filter(|tags| tags.is_object())
                .cloned()
                .unwrap_or(json!({})),
        );
        doc.insert("whitelistRules".into(), rules);
        self.groups.insert(
            id.clone(),
            SecurityGroup {
                doc,
                deleted: false,
                gone_at: None,
            },
        );
        Ok(json!({"securityGroup": self.group_document(&id)}))
    }

    pub(super) fn describe_group(&self, id: &str) -> Result<Value, ApiError> {
        self.known_group(id)?;
        Ok(Value::Object(self.group_document(id)))
    }

    pub(super) fn list_groups(&self, request: &Request) -> Result<Value, ApiError> {
        let shown = self
            .groups
            .iter()
            .filter(|(_, group)| !group.deleted)
            .map(|(id, _)| (id.clone(), self.group_document(id)));
        let page = page(
            "inputSecurityGroups",
            shown,
            &request.query,
            &self.settings.switches,
        )?;
        Ok(with_token(json!({"inputSecurityGroups": page.items}), page.next))
    }

    pub(super) fn update_group(&mut self, request: &Request) -> Result<Value, ApiError> {
        let body = validate::object(&request.body)?;
        self.live_group(&request.id)?;
        validate::tags(body)?;
        let rules = body
            .get("whitelistRules")
            .map(|_| validate::whitelist(body))
            .transpose()?;
        if let Some(group) = self.groups.get_mut(&request.id) {
            if let Some(rules) = rules {
                group.doc.insert("whitelistRules".into(), rules);
            }
            if let Some(tags) = body.get("tags").filter(|tags| tags.is_object()) {
                group.doc.insert("tags".into(), tags.clone());
            }
        }
        Ok(json!({"securityGroup": self.group_document(&request.id)}))
    }

    /// The model has no 409 here, so one in use is a 400
    pub(super) fn delete_group(&mut self, id: &str, now: Now) -> Result<Value, ApiError> {
        self.known_group(id)?;
        if !self.inputs_of(id).is_empty() {
            let text = format!("Cannot delete input security group {id} while inputs use it.");
            return Err(ApiError::new(ErrorKind::BadRequest, text));
        }
        if let Some(group) = self.groups.get_mut(id) {
            group.deleted = true;
            group.gone_at.get_or_insert(now.elapsed);
        }
        Ok(json!({}))
    }

    fn group_document(&self, id: &str) -> Document {
        let Some(group) = self.groups.get(id) else {
            return Document::new();
        };
        let inputs = self.inputs_of(id);
        let state = match (group.deleted, inputs.is_empty()) {
            (true, _) => "DELETED",
            (false, true) => "IDLE",
            (false, false) => "IN_USE",
        };
        let mut doc = group.doc.clone();
        doc.insert("inputs".into(), json!(inputs));
        doc.insert("state".into(), json!(state));
        doc
    }

    fn inputs_of(&self, group: &str) -> Vec<String> {
        let uses = |doc: &Document| {
            let groups = doc.get("securityGroups").and_then(Value::as_array);
            groups.is_some_and(|groups| groups.iter().any(|one| one.as_str() == Some(group)))
        };
        let live = self.inputs.iter().filter(|(_, input)| !input.facts().gone);
        live.filter(|(_, input)| uses(&input.doc))
            .map(|(id, _)| id.clone())
            .collect()
    }

    fn known_group(&self, id: &str) -> Result<&SecurityGroup, ApiError> {
        self.groups
            .get(id)
            .ok_or_else(|| ApiError::not_found("Input security group", id))
    }

    fn live_group(&self, id: &str) -> Result<(), ApiError> {
        if self.known_group(id)?.deleted {
            let text = format!("Input security group {id} is deleted.");
            return Err(ApiError::new(ErrorKind::Conflict, text));
        }
        Ok(())
    }
}
