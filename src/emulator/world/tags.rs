//! Tags of channels, inputs and input security groups, by ARN.
//!
//! Tags may change in any state (user guide, editing-deleting-channel).

use serde_json::{Value, json};

use super::{Document, World};
use crate::emulator::channel::State;
use crate::emulator::error::{ApiError, ErrorKind};
use crate::emulator::mediaconnect::operation::Verb;
use crate::emulator::request::{Operation, Request};
use crate::emulator::validate;

impl World {
    /// Refuses to tag what the account's policy does not allow, whether or not there is such a resource
    pub(super) fn check_policy(&self, request: &Request) -> Result<(), ApiError> {
        let named = request.body.get("tags").and_then(Value::as_object);
        let mut keys: Vec<&str> = named.into_iter().flatten().map(|(key, _)| key.as_str()).collect();
        let action = match request.operation {
            Operation::DeleteTags => {
                keys.extend(request.query.tag_keys.iter().map(String::as_str));
                "DeleteTags"
            }
            Operation::Router(operation) => match operation.verb() {
                Verb::Untag(_) => {
                    keys.extend(request.query.tag_keys.iter().map(String::as_str));
                    operation.name()
                }
                Verb::Tag(_) => operation.name(),
                Verb::Create(_) => "TagGlobalResource",
                _ => return Ok(()),
            },
            // Creating a resource with tags needs the permission to tag, too.
            Operation::CreateTags
            | Operation::CreateChannel
            | Operation::CreateInput
            | Operation::CreateInputSecurityGroup => "CreateTags",
            _ => return Ok(()),
        };
        let switches = &self.settings.switches;
        if keys.iter().all(|key| switches.allows_tag(key)) {
            return Ok(());
        }
        let text = format!(
            "User: arn:aws:sts::{}:assumed-role/emulated/session is not authorized to perform: {service}:{action} \
             because no identity-based policy allows the {service}:{action} action",
            self.settings.account,
            service = request.operation.service(),
        );
        Err(ApiError::new(ErrorKind::AccessDenied, text))
    }

    pub(super) fn create_tags(&mut self, request: &Request) -> Result<Value, ApiError> {
        let body = validate::object(&request.body)?;
        let added = validate::tags(body)?;
        let mut tags = self.tags_of(&request.id)?;
        for (key, value) in added {
            tags.insert(key, value);
        }
        validate::tag_count(&tags)?;
        self.set_tags(&request.id, tags);
        Ok(Value::Null)
    }

    pub(super) fn delete_tags(&mut self, request: &Request) -> Result<Value, ApiError> {
        if request.query.tag_keys.is_empty() {
            return Err(ApiError::new(
                ErrorKind::BadRequest,
                "tagKeys must name at least one key",
            ));
        }
        let mut tags = self.tags_of(&request.id)?;
        tags.retain(|key, _| !request.query.tag_keys.contains(key));
        self.set_tags(&request.id, tags);
        Ok(Value::Null)
    }

    pub(super) fn list_tags(&self, arn: &str) -> Result<Value, ApiError> {
        Ok(json!({"tags": self.tags_of(arn)?}))
    }

    fn tags_of(&self, arn: &str) -> Result<Document, ApiError> {
        let doc = self
            .tagged(arn)
            .ok_or_else(|| ApiError::new(ErrorKind::NotFound, format!("Resource {arn} not found")))?;
        Ok(doc
            .get("tags")
            .and_then(Value::as_object)
            .cloned()
            .unwrap_or_default())
    }

    fn set_tags(&mut self, arn: &str, tags: Document) {
        if let Some(doc) = self.tagged_mut(arn) {
            doc.insert("tags".into(), Value::Object(tags));
        }
    }

    /// The document behind an ARN; ARNs end in `:channel:ID`, `:input:ID` or `:inputSecurityGroup:ID`
    fn tagged(&self, arn: &str) -> Option<&Document> {
        let (kind, id) = split(arn)?;
        let doc = match kind {
            "channel" => {
                &self
                    .channels
                    .get(id)
                    .filter(|channel| channel.state() != State::Deleted)?
                    .doc
            }
            "input" => &self.inputs.get(id).filter(|input| !input.facts().gone)?.doc,
            "inputSecurityGroup" => &self.groups.get(id).filter(|group| !group.deleted)?.doc,
            _ => return None,
        };
        (doc.get("arn").and_then(Value::as_str) == Some(arn)).then_some(doc)
    }

    fn tagged_mut(&mut self, arn: &str) -> Option<&mut Document> {
        let (kind, id) = split(arn)?;
        match kind {
            "channel" => self.channels.get_mut(id).map(|channel| &mut channel.doc),
            "input" => self.inputs.get_mut(id).map(|input| &mut input.doc),
            "inputSecurityGroup" => self.groups.get_mut(id).map(|group| &mut group.doc),
            _ => None,
        }
    }
}

fn split(arn: &str) -> Option<(&str, &str)> {
    let (rest, id) = arn.rsplit_once(':')?;
    let (_, kind) = rest.rsplit_once(':')?;
    Some((kind, id))
}
