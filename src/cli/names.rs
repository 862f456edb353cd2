//! Destinations that are named on the command line.

use super::exit::ExitCode;
use super::failure::Failure;
use crate::manifest::words::nearest;
use crate::model::{Desired, DestinationName};

/// `names` as names of `desired`, or which of them is none and what was probably meant.
pub(super) fn check(names: &[String], desired: &Desired) -> Result<(), Failure> {
    match names
        .iter()
        .find(|name| !desired.destinations.contains_key(name.as_str()))
    {
        Some(unknown) => Err(unknown_destination(unknown, desired)),
        None => Ok(()),
    }
}

/// The error that `name` is not in `desired`, with what was probably meant.
pub(super) fn unknown_destination(name: &str, desired: &Desired) -> Failure {
    let declared = || desired.destinations.keys().map(DestinationName::as_str);
    let failure = Failure::new(
        ExitCode::Usage,
        format!("no Destination of the sources is named {name}"),
    );
    let mut parts = declared().filter(|declared| declared.contains(name));
    let only_part = parts.next().filter(|_| parts.next().is_none());
    match nearest(name, declared()).or(only_part) {
        Some(meant) => failure.next(format!("did you mean {meant}?")),
        None if desired.destinations.is_empty() => {
            failure.next("validate the sources: no Destination in them can be used")
        }
        None => failure.next(format!(
            "choose one of {}",
            declared().collect::<Vec<_>>().join(", ")
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::OwnerId;

    #[test]
    fn without_destinations_the_next_step_is_to_validate() {
        let failure = check(&["youtub".to_owned()], &Desired::empty(OwnerId::new("default"))).unwrap_err();
        assert_eq!(
            failure.to_string(),
            "no Destination of the sources is named youtub\n  next: validate the sources: no Destination in them can be used"
        );
        assert_eq!(failure.code, ExitCode::Usage);
    }
}
