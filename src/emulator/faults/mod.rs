//! Bad days, by script and by rate.
//!
//! A [`Fault`] says what goes wrong (its [`FaultKind`]), for which calls (operation, channel), how often (`times`,
//! `rate`) and when (`afterSeconds`, `forSeconds`). In JSON it is one flat object:
//!
//! ```json
//! {"kind": "timeout", "effect": "after", "operation": "UpdateChannel", "channel": "4000001", "times": 1}
//! ```
//!
//! Whether a fault with a rate strikes is drawn from a generator of its own, so that injecting one does not shift
//! the durations of transitions.

mod armed;
mod fault;

pub use self::armed::{Decision, Event, FAULTS_MAX, Failure, Faults, How};
pub use self::fault::{Effect, Fault, FaultKind};

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::emulator::request::Operation;
    use serde_json::{Value, json};

    const NOW: Duration = Duration::from_secs(100);

    fn read(value: Value) -> Result<Fault, String> {
        serde_json::from_value(value).map_err(|error| error.to_string())
    }

    #[test]
    fn a_fault_is_one_flat_json_object_and_is_read_back() {
        let text = json!({"kind": "timeout", "effect": "after", "operation": "UpdateChannel", "times": 1});
        let fault = read(text).unwrap();
        let expected = Fault::new(FaultKind::Timeout {
            effect: Effect::After,
        })
        .on(Operation::UpdateChannel)
        .times(1);
        assert_eq!(fault, expected);
        assert_eq!(read(serde_json::to_value(&fault).unwrap()).unwrap(), fault);
    }

    #[test]
    fn an_unknown_field_or_kind_or_operation_is_named() {
        assert!(
            read(json!({"kind": "throttle", "tiems": 1}))
                .unwrap_err()
                .contains("tiems")
        );
        assert!(read(json!({"kind": "throtle"})).unwrap_err().contains("throttle"));
        assert!(
            read(json!({"kind": "throttle", "operation": "Start"}))
                .unwrap_err()
                .contains("StartChannel")
        );
    }

    #[test]
    fn a_fault_that_could_never_strike_says_why() {
        let fault = read(json!({"kind": "startFails", "operation": "StopChannel", "rate": 7})).unwrap();
        assert_eq!(fault.problems().len(), 2);
        assert!(
            read(json!({"kind": "slow", "seconds": 20}))
                .unwrap()
                .problems()
                .is_empty()
        );
        assert!(
            !read(json!({"kind": "serverError", "status": 503}))
                .unwrap()
                .problems()
                .is_empty()
        );
    }

    #[test]
    fn a_fault_names_a_channel_for_medialive_and_a_resource_for_mediaconnect() {
        let problems = |fault: Value| read(fault).unwrap().problems().len();
        for (fault, expected) in [
            (json!({"kind": "throttle", "resource": "arn"}), 0),
            (json!({"kind": "throttle", "channel": "1", "resource": "arn"}), 1),
            (
                json!({"kind": "throttle", "operation": "GetRouterOutput", "resource": "arn"}),
                0,
            ),
            (
                json!({"kind": "throttle", "operation": "GetRouterOutput", "channel": "1"}),
                1,
            ),
            (
                json!({"kind": "throttle", "operation": "StartChannel", "resource": "arn"}),
                1,
            ),
            (json!({"kind": "streamRefused", "resource": "arn"}), 0),
            (json!({"kind": "streamRefused", "channel": "1"}), 1),
            (json!({"kind": "maintenance", "resource": "arn"}), 1),
            (
                json!({"kind": "serverError", "status": 503, "operation": "GetRouterOutput"}),
                0,
            ),
            (
                json!({"kind": "serverError", "status": 503, "operation": "StartChannel"}),
                1,
            ),
            (
                json!({"kind": "startFails", "operation": "RestartRouterInput"}),
                0,
            ),
            (json!({"kind": "startFails", "operation": "StopRouterInput"}), 1),
        ] {
            assert_eq!(problems(fault.clone()), expected, "{fault}");
        }
        let mut faults = Faults::new(1);
        faults.inject(Fault::new(FaultKind::Throttle).of_resource("arn"), NOW);
        let get = Operation::Router(crate::emulator::mediaconnect::Operation::GetRouterOutput);
        let mut hit = |operation, named| faults.decide(operation, Some(named), NOW).failure.is_some();
        assert!(hit(get, "arn") && !hit(get, "other") && !hit(Operation::StartChannel, "arn"));
    }

    #[test]
    fn a_fault_strikes_its_own_calls_and_no_more_often_than_asked() {
        let mut faults = Faults::new(1);
        faults.inject(
            Fault::new(FaultKind::Throttle)
                .on(Operation::StartChannel)
                .of("1")
                .times(2),
            NOW,
        );
        let mut hit = |operation, id| faults.decide(operation, Some(id), NOW).failure.is_some();
        assert!(!hit(Operation::StopChannel, "1"));
        assert!(!hit(Operation::StartChannel, "2"));
        assert!(hit(Operation::StartChannel, "1") && hit(Operation::StartChannel, "1"));
        assert!(!hit(Operation::StartChannel, "1"));
    }

    #[test]
    fn a_fault_has_a_beginning_and_an_end() {
        let mut faults = Faults::new(1);
        faults.inject(
            read(json!({"kind": "throttle", "afterSeconds": 10, "forSeconds": 60})).unwrap(),
            NOW,
        );
        let mut hit = |second| {
            faults
                .decide(Operation::ListChannels, None, Duration::from_secs(second))
                .failure
                .is_some()
        };
        assert_eq!(
            [hit(109), hit(110), hit(169), hit(170)],
            [false, true, true, false]
        );
    }

    #[test]
    fn a_rate_hits_about_as_many_as_it_says() {
        let mut faults = Faults::new(1);
        faults.inject(Fault::new(FaultKind::Throttle).rate(0.2), NOW);
        let hits = (0..1_000)
            .filter(|_| faults.decide(Operation::ListInputs, None, NOW).failure.is_some())
            .count();
        assert!((150..250).contains(&hits), "{hits}");
    }
}
