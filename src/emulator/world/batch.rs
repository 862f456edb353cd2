//! BatchStart, BatchStop, BatchDelete: one answer per id, and a 200 even if all of them failed.
//!
//! `failed[{arn,code,id,message}]`, `successful[{arn,id,state}]` (botocore service model).

use serde_json::{Value, json};

use super::World;
use crate::emulator::error::{ApiError, ErrorKind};
use crate::emulator::request::{Now, Operation, Request};
use crate::emulator::validate;

/// What the ids of a batch may be of: the field, the kind in ARNs
const FIELDS: [(&str, &str); 4] = [
    ("channelIds", "channel"),
    ("inputIds", "input"),
    ("inputSecurityGroupIds", "inputSecurityGroup"),
    ("multiplexIds", "multiplex"),
];

impl World {
    pub(super) fn batch(&mut self, request: &Request, now: Now) -> Result<Value, ApiError> {
        let body = validate::object(&request.body)?;
        let (mut failed, mut successful) = (Vec::new(), Vec::new());
        let fields = if request.operation == Operation::BatchDelete {
            &FIELDS[..]
        } else {
            &[FIELDS[0], FIELDS[3]]
        };
        let ids = validate::batch_ids(body, fields.iter().map(|(field, _)| *field))?;
        for ((field, kind), ids) in fields.iter().zip(ids) {
            for id in ids {
                let arn = self.arn(kind, &id);
                match self.batch_one(request, field, &id, now) {
                    Ok(state) => successful.push(json!({"arn": arn, "id": id, "state": state})),
                    Err(error) => failed.push(json!({
                        "arn": arn, "code": error.kind.name(), "id": id, "message": error.message,
                    })),
                }
            }
        }
        Ok(json!({"failed": failed, "successful": successful}))
    }

    /// Carries one of the batch out; answers its state afterwards
    fn batch_one(&mut self, request: &Request, field: &str, id: &str, now: Now) -> Result<Value, ApiError> {
        let described = match (field, request.operation) {
            ("channelIds", Operation::BatchStart) => self.start_channel(id, request.twist.outcome, now)?,
            ("channelIds", Operation::BatchStop) => self.stop_channel(id, now)?,
            ("channelIds", _) => self.delete_channel(id, now)?,
            ("inputIds", _) => {
                self.delete_input(id, now)?;
                self.describe_input(id)?
            }
            ("inputSecurityGroupIds", _) => {
                self.delete_group(id, now)?;
                self.describe_group(id)?
            }
            _ => {
                return Err(ApiError::new(
                    ErrorKind::NotFound,
                    format!("Multiplex with id {id} not found"),
                ));
            }
        };
        Ok(described.get("state").cloned().unwrap_or_default())
    }
}
