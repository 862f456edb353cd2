//! Where channels and MediaConnect's routers meet: a router input takes what an output of a channel gives.

use serde_json::{Value, json};

use super::{Document, World};
use crate::emulator::channel::State;
use crate::emulator::error::{ApiError, ErrorKind};
use crate::emulator::mediaconnect::operation::Verb;
use crate::emulator::mediaconnect::{ChannelOutput, Operation, ResourceKind, Terms};
use crate::emulator::request::{Now, Request};

impl World {
    pub(super) fn call_router(
        &mut self,
        operation: Operation,
        request: &Request,
        now: Now,
    ) -> Result<Value, ApiError> {
        let is_of_input = matches!(
            operation.verb(),
            Verb::Create(ResourceKind::Input) | Verb::Update(ResourceKind::Input)
        );
        let channels = if is_of_input {
            self.router_outputs()
        } else {
            Vec::new()
        };
        let terms = Terms {
            region: &self.settings.region,
            account: &self.settings.account,
            switches: &self.settings.switches,
            quotas: &self.settings.quotas.router,
            channels: &channels,
        };
        self.router.handle(operation, request, now, terms)
    }

    /// Every output of a channel that a router input may take, one for each pipeline
    fn router_outputs(&self) -> Vec<ChannelOutput> {
        let channels = self.channels.values();
        let live = channels.filter(|channel| channel.state() != State::Deleted);
        live.flat_map(|channel| {
            let pipelines = if channel.is_standard() { 2 } else { 1 };
            let outputs = router_outputs(&channel.doc);
            outputs.into_iter().flat_map(move |output| {
                (0..pipelines).map(move |pipeline| of_pipeline(channel, &output, pipeline))
            })
        })
        .collect()
    }

    /// Adds to the pipelines of a described channel which router inputs are connected to them
    pub(super) fn show_links(&self, mut doc: Document) -> Document {
        let arn = doc
            .get("arn")
            .and_then(Value::as_str)
            .unwrap_or_default()
            .to_owned();
        let pipelines = doc.get_mut("pipelineDetails").and_then(Value::as_array_mut);
        for pipeline in pipelines.into_iter().flatten() {
            let id = pipeline
                .get("pipelineId")
                .and_then(Value::as_str)
                .unwrap_or_default();
            let links = self
                .router
                .links(&arn)
                .filter(|link| link.pipeline.to_string() == id);
            let map: Document = links
                .map(|link| (link.output.to_owned(), json!({"routerInputArn": link.input})))
                .collect();
            if !map.is_empty() {
                pipeline["mediaConnectRouterOutputConnectionMap"] = Value::Object(map);
            }
        }
        doc
    }

    /// "You can't delete connected resources. You must disconnect them first" (MediaConnect user guide, integrate-eml-with-router)
    pub(super) fn check_unlinked(&self, id: &str) -> Result<(), ApiError> {
        let arn = self.known_channel(id)?.arn();
        match self.router.links(arn).next() {
            None => Ok(()),
            Some(link) => {
                let text = format!("Cannot delete a channel that feeds router input {}.", link.input);
                Err(ApiError::new(ErrorKind::Conflict, text))
            }
        }
    }

    /// Takes in a router resource that exists already, as a fleet file describes it
    pub(in crate::emulator) fn admit_router(&mut self, kind: ResourceKind, arn: &str, doc: Document) {
        self.router.admit(kind, arn, doc);
    }
}

/// An output of a MediaConnect Router group
struct RouterOutput<'a> {
    name: &'a str,
    /// One for each pipeline (user guide, integrate-eml-with-router)
    zones: Vec<String>,
    /// For each pipeline
    encryption: Vec<&'a str>,
}

fn router_outputs(doc: &Document) -> Vec<RouterOutput<'_>> {
    let list = |value: Option<&'_ Value>| value.and_then(Value::as_array).cloned().unwrap_or_default();
    let groups = doc
        .get("encoderSettings")
        .and_then(|encoder| encoder.get("outputGroups")?.as_array());
    let mut found = Vec::new();
    for group in groups.into_iter().flatten() {
        let settings = group.get("outputGroupSettings");
        let Some(router) = settings.and_then(|settings| settings.get("mediaConnectRouterGroupSettings"))
        else {
            continue;
        };
        let zones: Vec<String> = list(router.get("availabilityZones"))
            .iter()
            .filter_map(|zone| zone.as_str().map(str::to_owned))
            .collect();
        for output in group
            .get("outputs")
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
        {
            found.extend(
                output
                    .get("outputName")
                    .and_then(Value::as_str)
                    .map(|name| RouterOutput {
                        name,
                        zones: zones.clone(),
                        encryption: encryption(doc, output),
                    }),
            );
        }
    }
    found
}

/// How the output's destination encrypts, for each pipeline
fn encryption<'a>(doc: &'a Document, output: &Value) -> Vec<&'a str> {
    let settings = output
        .get("outputSettings")
        .and_then(|one| one.get("mediaConnectRouterOutputSettings"));
    let id = settings.and_then(|one| one.get("destination")?.get("destinationRefId"));
    let destinations = doc.get("destinations").and_then(Value::as_array);
    let is_meant = |one: &&Value| one.get("id") == id;
    let destination = destinations.into_iter().flatten().find(is_meant);
    let pipelines = destination.and_then(|one| one.get("mediaConnectRouterSettings")?.as_array());
    let of = |one: &'a Value| {
        one.get("encryptionType")
            .and_then(Value::as_str)
            .unwrap_or(AUTOMATIC)
    };
    pipelines.into_iter().flatten().map(of).collect()
}

/// What MediaLive takes where nothing is said of encryption
const AUTOMATIC: &str = "AUTOMATIC";

fn of_pipeline(channel: &super::Channel, output: &RouterOutput<'_>, pipeline: usize) -> ChannelOutput {
    ChannelOutput {
        channel: channel.arn().to_owned(),
        name: output.name.to_owned(),
        pipeline,
        zone: output.zones.get(pipeline).or(output.zones.last()).cloned(),
        encryption: output
            .encryption
            .get(pipeline)
            .copied()
            .unwrap_or(AUTOMATIC)
            .to_owned(),
    }
}
