//! ListRouterOutputs and the like: filters and pages over every region; BatchGet: up to twenty, and one answer for each.

use serde_json::{Map, Value, json};

use super::operation::ResourceKind;
use super::resource::Resource;
use super::{Call, Document, Router};
use crate::emulator::error::{ApiError, ErrorKind};
use crate::emulator::page::page;

/// The most a page holds, and the most a batch asks for (botocore service model)
const PAGE_MAX: usize = 100;
const BATCH_MAX: usize = 20;

impl Router {
    pub(super) fn list(&self, kind: ResourceKind, call: Call<'_>) -> Result<Value, ApiError> {
        check_page_size(call)?;
        let filters = call.body()?.get("filters").and_then(Value::as_array);
        let filters = filters.map(Vec::as_slice).unwrap_or_default();
        let twist = call.request.twist;
        let at = twist.stale.map(|ago| call.now.elapsed.saturating_sub(ago));
        let shown = self
            .resources
            .iter()
            .filter(|(_, one)| one.kind() == kind && passes(one, filters))
            .filter_map(|(arn, one)| Some((arn, self.listed(one, at)?)))
            .enumerate()
            .filter(|(place, _)| Some(*place) != twist.left_out)
            .map(|(_, one)| one);
        let switches = call.terms.switches;
        let page = page(kind.list_key(), shown, &call.request.query, switches)?;
        let mut answer = Map::from_iter([(kind.list_key().to_owned(), json!(page.items))]);
        if let Some(next) = page.next {
            answer.insert("nextToken".into(), json!(next));
        }
        Ok(Value::Object(answer))
    }

    /// How a list shows it, as of `at`; counts are those of now
    fn listed(&self, one: &Resource, at: Option<std::time::Duration>) -> Option<Document> {
        let mut listed = one.listed_at(at.unwrap_or(std::time::Duration::MAX))?;
        self.count_users(one, &mut listed);
        Some(listed)
    }

    pub(super) fn batch_get(&self, kind: ResourceKind, call: Call<'_>) -> Result<Value, ApiError> {
        let arns = &call.request.query.arns;
        if arns.is_empty() || arns.len() > BATCH_MAX {
            let text = format!("arns must name 1 to {BATCH_MAX} resources");
            return Err(ApiError::new(ErrorKind::BadRequest, text));
        }
        let (mut found, mut errors) = (Vec::new(), Vec::new());
        for arn in arns {
            match self.known(kind, arn) {
                Ok(resource) => found.push(self.describe(resource, call.terms)),
                Err(error) if error.kind == ErrorKind::BadRequest => return Err(error),
                Err(error) => errors.push(json!({
                    "arn": arn, "code": error.kind.name(), "message": error.message,
                })),
            }
        }
        Ok(json!({ kind.list_key(): found, "errors": errors }))
    }
}

fn check_page_size(call: Call<'_>) -> Result<(), ApiError> {
    let given = call.request.query.max_results.as_deref();
    let is_too_large = given.is_some_and(|given| given.parse::<usize>().is_ok_and(|size| size > PAGE_MAX));
    if is_too_large {
        let text = format!("maxResults must be 1 to {PAGE_MAX}");
        return Err(ApiError::new(ErrorKind::BadRequest, text));
    }
    Ok(())
}

/// Whether a resource passes all filters; a filter lets through what has any of its values
fn passes(one: &Resource, filters: &[Value]) -> bool {
    let filters = filters.iter().filter_map(Value::as_object).flatten();
    filters.into_iter().all(|(name, wanted)| {
        let mut wanted = wanted.as_array().into_iter().flatten().filter_map(Value::as_str);
        match name.as_str() {
            "nameContains" => wanted.any(|part| one.text("name").contains(part)),
            "networkInterfaceArns" => wanted.any(|arn| one.network_interface() == Some(arn)),
            "routedInputArns" => wanted.any(|arn| one.routed_input() == Some(arn)),
            "regionNames" => wanted.any(|region| one.text("regionName") == region),
            "routingScopes" => wanted.any(|scope| one.text("routingScope") == scope),
            // `outputTypes`, `inputTypes`, `networkInterfaceTypes`: each kind has its own.
            _ => wanted.any(|of| one.text(one.kind().type_key()) == of),
        }
    })
}
