//! UpdateRouterOutput, -Input, -NetworkInterface: what is given replaces what was there, the rest stays.

use serde_json::{Value, json};

use super::checks;
use super::life::{Command, State};
use super::operation::ResourceKind;
use super::resource::{Message, Resource, configuration};
use super::{Call, Document, Router};
use crate::emulator::error::{ApiError, ErrorKind};
use crate::emulator::request::TransitionOutcome;

impl Router {
    pub(super) fn update(&mut self, kind: ResourceKind, call: Call<'_>) -> Result<Value, ApiError> {
        let body = call.body()?;
        if self.permits(kind, Command::Update, call)? {
            let before = self.known(kind, call.arn())?;
            check_fabric(before, body)?;
            self.check_at_rest(before, body)?;
            let mut doc = changed(before, body)?;
            checks::check(kind, &doc, &self.site(Some(call.arn()), call.terms))?;
            self.check_routes(kind, call.arn(), &doc)?;
            let back = before.state();
            doc.insert("updatedAt".into(), json!(call.now.wall));
            self.fill_defaults(kind, &mut doc);
            let takes = self.dice.router_change();
            let is_failure = call.request.twist.outcome == TransitionOutcome::Fails;
            let end = if is_failure { State::Error } else { back };
            if let Some(resource) = self.resources.get_mut(call.arn()) {
                resource.begin(call.now.elapsed, State::Updating, &[(takes, end)]);
                resource.reconfigure(call.now.elapsed, doc);
                if is_failure {
                    resource.fail_with(Message::new("UPDATE_FAILED", "The update failed."));
                }
            }
        }
        let resource = self.known(kind, call.arn())?;
        Ok(self.wrapped(resource, call.terms))
    }

    /// Maintenance is configured in STANDBY (user guide, editing-router-io), and a VPC's interface while nothing uses it
    /// (editing-router-network-interface)
    fn check_at_rest(&self, before: &Resource, body: &Document) -> Result<(), ApiError> {
        let is_given = |key: &str| body.get(key).is_some_and(|given| !given.is_null());
        let is_of_vpc = before.configuration().is_some_and(|(of, _)| of == "vpc");
        let text = if is_given("maintenanceConfiguration") && before.state() != State::Standby {
            "The maintenance configuration can be updated in STANDBY only."
        } else if is_of_vpc && is_given("configuration") && self.users_of(before.arn()).next().is_some() {
            "The configuration of a network interface in a VPC cannot be updated while it is in use."
        } else {
            return Ok(());
        };
        Err(ApiError::new(ErrorKind::Conflict, text))
    }

    /// An output takes at least the bitrate of what is routed to it
    fn check_routes(&self, kind: ResourceKind, arn: &str, doc: &Document) -> Result<(), ApiError> {
        let bitrate = |doc: &Document| {
            doc.get("maximumBitrate")
                .and_then(Value::as_i64)
                .unwrap_or_default()
        };
        let is_slower = match kind {
            ResourceKind::NetworkInterface => false,
            ResourceKind::Input => self
                .routed_to(arn)
                .any(|output| bitrate(output.document()) < bitrate(doc)),
            ResourceKind::Output => {
                let input = self.resource(arn).and_then(Resource::routed_input);
                let input = input.and_then(|input| self.resource(input));
                input.is_some_and(|input| bitrate(doc) < bitrate(input.document()))
            }
        };
        if is_slower {
            let text = "maximumBitrate of an output must not be lower than that of the input routed to it";
            return Err(ApiError::new(ErrorKind::BadRequest, text));
        }
        Ok(())
    }
}

/// "You cannot update the fabric configuration while the output has an active route" (botocore service model)
fn check_fabric(before: &Resource, body: &Document) -> Result<(), ApiError> {
    let is_given = body
        .get("fabricConfiguration")
        .is_some_and(|given| !given.is_null());
    if is_given && before.routed_state() != "UNROUTED" {
        let text = "The fabric configuration cannot be updated while the output has a route.";
        return Err(ApiError::new(ErrorKind::Conflict, text));
    }
    Ok(())
}

/// The document that the update would leave behind
fn changed(before: &Resource, body: &Document) -> Result<Document, ApiError> {
    let mut doc = before.document().clone();
    for (key, value) in body.iter().filter(|(_, value)| !value.is_null()) {
        doc.insert(key.clone(), value.clone());
    }
    if shape(before.document()) != shape(&doc) {
        let text = "Changing the type of the configuration is not supported";
        return Err(ApiError::new(ErrorKind::BadRequest, text));
    }
    if body.contains_key("configuration") && before.kind() == ResourceKind::Output {
        // Another host has another address.
        doc.shift_remove("streamDetails");
    }
    Ok(doc)
}

/// The type of a configuration, and the protocol within; that the protocol belongs to the type is the stricter reading
fn shape(doc: &Document) -> Option<(&str, Option<&String>)> {
    let (of, inner) = configuration(doc)?;
    let protocol = inner.get("protocolConfiguration").and_then(Value::as_object);
    Some((of, protocol.and_then(|one| one.keys().next())))
}
