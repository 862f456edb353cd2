//! TakeRouterInput: which input an output carries.
//!
//! "You can take (assign) an input from any compatible output, regardless of whether the output is active or in standby"
//! (user guide, assigning-route).

use serde_json::{Value, json};

use super::life::{Command, State};
use super::operation::ResourceKind;
use super::resource::Resource;
use super::{Call, Router};
use crate::emulator::error::{ApiError, ErrorKind};

impl Router {
    /// Routes an input; the one that is routed already stays without a break
    pub(super) fn take(&mut self, call: Call<'_>) -> Result<Value, ApiError> {
        self.permits(ResourceKind::Output, Command::Take, call)?;
        let output = self.known(ResourceKind::Output, call.arn())?;
        let input = call.body()?.get("routerInputArn").and_then(Value::as_str);
        match input {
            None if !call.terms.switches.router_unroute_by_omission => {
                let text = "routerInputArn is required";
                return Err(ApiError::new(ErrorKind::BadRequest, text));
            }
            None => {}
            Some(input) => self.check_take(output, self.known(ResourceKind::Input, input)?, call)?,
        }
        if output.routed_input() != input {
            if output.routed_state() == "ROUTING" {
                let text = "Cannot take an input for a router output that is ROUTING.";
                return Err(ApiError::new(ErrorKind::Conflict, text));
            }
            let takes = self.dice.route();
            if let Some(output) = self.resources.get_mut(call.arn()) {
                output.route(call.now.elapsed, input, takes);
            }
        }
        self.taken(call)
    }

    fn check_take(&self, output: &Resource, input: &Resource, call: Call<'_>) -> Result<(), ApiError> {
        let refuse = |kind, text: String| Err(ApiError::new(kind, text));
        if matches!(input.state(), State::Creating | State::Deleting) {
            let text = format!(
                "Cannot take a router input that is in state {}.",
                input.state().name()
            );
            return refuse(ErrorKind::Conflict, text);
        }
        let is_global = |one: &Resource| one.text("routingScope") == "GLOBAL";
        let is_far = output.text("regionName") != input.text("regionName");
        if is_far && [output, input].into_iter().any(|one| !is_global(one)) {
            let text = "Input and output of different Regions need the routing scope GLOBAL, both.";
            return refuse(ErrorKind::BadRequest, text.to_owned());
        }
        let bitrate = |one: &Resource| one.document().get("maximumBitrate").and_then(Value::as_i64);
        if bitrate(output) < bitrate(input) {
            let text = "maximumBitrate of the output is lower than that of the input.";
            return refuse(ErrorKind::BadRequest, text.to_owned());
        }
        let most = call.terms.quotas.outputs_per_input;
        let others = self
            .routed_to(input.arn())
            .filter(|one| one.arn() != output.arn());
        if others.count() >= most {
            let text = format!("The router input has {most} routed outputs, which is the most it can have.");
            return refuse(ErrorKind::Conflict, text);
        }
        Ok(())
    }

    fn taken(&self, call: Call<'_>) -> Result<Value, ApiError> {
        let output = self.known(ResourceKind::Output, call.arn())?;
        let mut answer = json!({
            "routedState": output.routed_state(),
            "routerOutputArn": output.arn(),
            "routerOutputName": output.text("name"),
        });
        if let Some(input) = output.routed_input().and_then(|input| self.resource(input)) {
            answer["routerInputArn"] = json!(input.arn());
            answer["routerInputName"] = json!(input.text("name"));
        }
        Ok(answer)
    }
}
