//! Tags of router resources: by the calls for global resources.
//!
//! "The API supports the following global resources: router inputs, router outputs and router network interfaces" (botocore service
//! model, TagGlobalResource). Whether the calls for resources of a region take them, too, is a switch.

use serde_json::{Value, json};

use super::operation::{ResourceKind, Scope};
use super::resource::Resource;
use super::{Call, Document, Router, is_arn_of};
use crate::emulator::error::{ApiError, ErrorKind};
use crate::emulator::validate;

impl Router {
    pub(super) fn tag(&mut self, scope: Scope, call: Call<'_>) -> Result<Value, ApiError> {
        let added = validate::tags(call.body()?)?;
        let mut tags = tags_of(self.tagged(scope, call)?);
        tags.extend(added);
        validate::tag_count(&tags)?;
        self.set_tags(call.arn(), tags);
        Ok(Value::Null)
    }

    pub(super) fn untag(&mut self, scope: Scope, call: Call<'_>) -> Result<Value, ApiError> {
        let removed = &call.request.query.tag_keys;
        if removed.is_empty() {
            let text = "tagKeys must name at least one key";
            return Err(ApiError::new(ErrorKind::BadRequest, text));
        }
        let mut tags = tags_of(self.tagged(scope, call)?);
        tags.retain(|key, _| !removed.contains(key));
        self.set_tags(call.arn(), tags);
        Ok(Value::Null)
    }

    pub(super) fn list_tags(&self, scope: Scope, call: Call<'_>) -> Result<Value, ApiError> {
        Ok(json!({"tags": tags_of(self.tagged(scope, call)?)}))
    }

    fn tagged(&self, scope: Scope, call: Call<'_>) -> Result<&Resource, ApiError> {
        let is_taken = scope == Scope::Global || call.terms.switches.router_regional_tags;
        let kind = ResourceKind::ALL
            .into_iter()
            .find(|kind| is_arn_of(*kind, call.arn()));
        let kind = kind.filter(|_| is_taken).ok_or_else(|| {
            let text = "There is no such resource among those that this call tags.";
            ApiError::new(ErrorKind::NotFound, text)
        })?;
        self.known(kind, call.arn())
    }

    fn set_tags(&mut self, arn: &str, tags: Document) {
        if let Some(resource) = self.resources.get_mut(arn) {
            resource.set_tags(tags);
        }
    }
}

fn tags_of(resource: &Resource) -> Document {
    let tags = resource.document().get("tags").and_then(Value::as_object);
    tags.cloned().unwrap_or_default()
}
