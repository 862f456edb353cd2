//! What is unconfirmed outside AWS about MediaLive and MediaConnect, each as a switch; and what an account may be like.
//!
//! `slotwise emulator --set NAME=VALUE`, `--emulator-set` beside `--emulator`, `GET` and `PUT /_emulator/switches`.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// One switch: documentation, name, type, the default, the reading that lets more through
macro_rules! switches {
    ($($(#[doc = $doc:literal])+ $name:ident: $kind:ty = $default:expr, lenient $lenient:expr;)+) => {
        /// How MediaLive behaves where no source says so
        ///
        /// The default is the stricter reading, so that a client which works here works there, except where public code
        /// that is known to work relies on the other one. The other reading can be tried by turning the switch.
        #[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
        #[serde(rename_all = "camelCase", default, deny_unknown_fields)]
        pub struct Switches {
            $($(#[doc = $doc])+ pub $name: $kind,)+
        }

        impl Default for Switches {
            fn default() -> Self {
                Self { $($name: $default,)+ }
            }
        }

        impl Switches {
            /// What each switch is about, in the order of the fields
            const ABOUT: &[&str] = &[$(concat!($($doc),+)),+];

            /// Every switch turned to the reading that lets more through
            pub fn lenient() -> Self {
                Self { $($name: $lenient,)+ }
            }
        }
    };
}

switches! {
    /// StartChannel on STARTING, RUNNING or RECOVERING answers 200 and does nothing, instead of 409
    quiet_start_when_running: bool = false, lenient true;
    /// StopChannel on IDLE or UPDATE_FAILED answers 200 and does nothing, instead of 409; AWS's own deployment code
    /// stops channels without a look at their state
    quiet_stop_when_idle: bool = true, lenient true;
    /// DeleteChannel on STOPPING answers 200 and deletes the channel once it has stopped, instead of 409
    delete_while_stopping: bool = true, lenient true;
    /// StopChannel is taken while RECOVERING; only one third party says so (aws-bench)
    stop_from_recovering: bool = false, lenient true;
    /// StartChannel on CREATING answers 400 instead of 409 (openfun/marsha issue 796 reports 400)
    bad_request_while_creating: bool = false, lenient false;
    /// UpdateChannel is taken in UPDATE_FAILED; on by default, as nothing else would heal the channel
    update_from_update_failed: bool = true, lenient true;
    /// StartChannel is taken in UPDATE_FAILED
    start_from_update_failed: bool = false, lenient true;
    /// After a failed update the channel has its old configuration; otherwise it has the new one
    failed_update_keeps_old: bool = true, lenient false;
    /// An update without a role removes it, as the service model says; otherwise the channel keeps it, as
    /// deployment tools that send only what has changed rely on
    omitted_role_removed: bool = true, lenient false;
    /// An update with dryRun is answered while the channel runs, instead of 409
    dry_run_while_running: bool = false, lenient true;
    /// A member that is not in the service model is refused with 400; otherwise it is taken
    refuse_unknown_members: bool = true, lenient false;
    /// A caption or audio description may name only selectors that an input of the channel has
    unknown_selectors_refused: bool = true, lenient false;
    /// Two RTMP outputs of a channel may not have the same URL and stream name ("Outputs must have unique
    /// destinations" is a rejection the CDK records for Microsoft Smooth)
    unique_rtmp_targets: bool = true, lenient false;
    /// An RTMP output group takes one output only (user guide, creating-rtmp-output-group; other pages differ)
    one_output_per_rtmp_group: bool = true, lenient false;
    /// Output group names are unique in a channel
    unique_group_names: bool = true, lenient false;
    /// The most output groups of a channel; MediaLive's limit is not published
    output_groups_max: usize = 1_000, lenient 1_000;
    /// An RTMP URL needs an application name after the host
    rtmp_app_required: bool = true, lenient false;
    /// An RTMP destination needs a stream name beside its URL
    rtmp_stream_name_required: bool = true, lenient false;
    /// An RTMP URL may have a query, as YouTube's backup has
    rtmp_query_allowed: bool = true, lenient true;
    /// An RTMP URL may end in a slash, as Facebook's does
    rtmp_trailing_slash_allowed: bool = true, lenient true;
    /// An RTMP URL may name a host that cannot be reached: loopback addresses, localhost, and names in .invalid,
    /// .test and .example
    rtmp_reserved_hosts_allowed: bool = true, lenient true;
    /// List shows DELETED channels and inputs too
    list_shows_deleted: bool = false, lenient true;
    /// How long Describe answers DELETED for what was deleted, in seconds of MediaLive's own time, and 404 after
    /// that; 0 is for ever
    tombstone_seconds: u64 = 86_400, lenient 0;
    /// How many a List page holds when the caller does not say; public tools ask for 20
    list_page_default: usize = 20, lenient 1_000;
    /// The most a List page holds, however many the caller asks for
    list_page_max: usize = 100, lenient 1_000;
    /// Tag keys that the account's IAM policy lets tags be made and deleted with, separated by commas; a * at the
    /// end matches any rest; with an empty text every call that tags is answered with 403
    tag_keys_allowed: String = "*".to_owned(), lenient "*".to_owned();
    /// Starting a router output or input that is STARTING or ACTIVE, and stopping one in STANDBY, is answered and does
    /// nothing, instead of 409
    router_quiet_start_stop: bool = false, lenient true;
    /// A router output or input may be stopped while STARTING, RECOVERING or MIGRATING, instead of 409; the user guide has
    /// "at any time" and asks for an active one
    router_stop_in_transition: bool = false, lenient true;
    /// A router output or input may be updated while ACTIVE, as the user guide's diagram of states has it; it is UPDATING for
    /// a while then. Otherwise 409
    router_update_while_active: bool = false, lenient true;
    /// A router output or input may be restarted in STANDBY, which refreshes it and does not put it on air, instead of 409
    router_restart_from_standby: bool = false, lenient true;
    /// TakeRouterInput without an input unroutes the output, instead of 400
    router_unroute_by_omission: bool = false, lenient true;
    /// How long a clientToken is remembered, in seconds of MediaConnect's own time; 0 is for good
    router_token_seconds: u64 = 600, lenient 0;
    /// TagResource, UntagResource and ListTagsForResource take router resources, as the calls for global resources do,
    /// instead of 404
    router_regional_tags: bool = false, lenient true;
    /// What a router output does whose destination refuses the stream (fault streamRefused): ERROR, RECOVERING, which
    /// begins again as often as the fault strikes, or ACTIVE with a message
    refused_stream: RefusedStream = RefusedStream::Error, lenient RefusedStream::Active;
}

/// The state of a router output whose destination refuses the stream
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum RefusedStream {
    /// It gives up
    Error,
    /// It tries again by itself
    Recovering,
    /// It says so, and goes on
    Active,
}

/// What a switch takes that has a few values only
const CHOICES: [(&str, &str); 1] = [("refusedStream", "ERROR, RECOVERING or ACTIVE")];

/// A switch as it is shown
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Switch {
    /// Its name, as `--set` takes it
    pub name: String,
    /// What it is set to
    pub value: Value,
    /// What it is about
    pub about: String,
}

/// Why a switch was not turned; repeats no value
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SwitchError {
    /// There is no such switch
    #[error("there is no such switch; there are {0}")]
    Unknown(String),
    /// The value is none that the switch takes
    #[error("{name} takes {wanted}")]
    Value {
        /// The switch
        name: String,
        /// What it takes
        wanted: &'static str,
    },
}

impl Switches {
    /// Every switch, as it is set
    pub fn list(&self) -> Vec<Switch> {
        self.values()
            .into_iter()
            .zip(Self::ABOUT)
            .map(|((name, value), about)| Switch {
                name,
                value,
                about: about.trim().to_owned(),
            })
            .collect()
    }

    /// Sets the switch `name` to what `text` says: `true`, `20`, `slotwise.dev/*`
    pub fn set(&mut self, name: &str, text: &str) -> Result<(), SwitchError> {
        let value = match self.values().get(name) {
            Some(Value::String(_)) => Value::String(text.to_owned()),
            // What is neither is refused by type, with the switch's name.
            _ => serde_json::from_str(text).unwrap_or(Value::Null),
        };
        self.merge(&Map::from_iter([(name.to_owned(), value)]))
    }

    /// Sets switches by name; all of them or none
    pub fn merge(&mut self, changes: &Map<String, Value>) -> Result<(), SwitchError> {
        let mut values = self.values();
        for (name, value) in changes {
            let Some(old) = values.get_mut(name) else {
                let names: Vec<String> = values.into_iter().map(|(name, _)| name).collect();
                return Err(SwitchError::Unknown(names.join(", ")));
            };
            let wanted = match old {
                Value::Bool(_) if value.is_boolean() => None,
                Value::Number(_) if value.is_u64() => None,
                Value::String(_) if value.is_string() => {
                    let choices = CHOICES
                        .into_iter()
                        .find(|(of, _)| of == name)
                        .map(|(_, choices)| choices);
                    choices.filter(|_| serde_json::from_value::<RefusedStream>(value.clone()).is_err())
                }
                Value::Bool(_) => Some("true or false"),
                Value::Number(_) => Some("a whole number, 0 or more"),
                _ => Some("text"),
            };
            if let Some(wanted) = wanted {
                let name = name.clone();
                return Err(SwitchError::Value { name, wanted });
            }
            old.clone_from(value);
        }
        // Types were compared with those of a value that was made from this very type.
        if let Ok(changed) = serde_json::from_value(Value::Object(values)) {
            *self = changed;
        }
        Ok(())
    }

    /// Whether the account's policy allows tags with this key
    pub(super) fn allows_tag(&self, key: &str) -> bool {
        let is_match = |pattern: &str| match pattern.strip_suffix('*') {
            Some(start) => key.starts_with(start),
            None => key == pattern,
        };
        self.tag_keys_allowed
            .split(',')
            .map(str::trim)
            .filter(|pattern| !pattern.is_empty())
            .any(is_match)
    }

    fn values(&self) -> Map<String, Value> {
        match serde_json::to_value(self) {
            Ok(Value::Object(values)) => values,
            _ => Map::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn every_switch_is_listed_with_its_description() {
        let listed = Switches::default().list();
        assert_eq!(listed.len(), Switches::ABOUT.len());
        for (switch, other) in listed.iter().zip(Switches::lenient().list()) {
            assert!(
                switch.about.len() > 20 && !switch.about.contains("  "),
                "{}",
                switch.name
            );
            let mut switches = Switches::default();
            let text = other
                .value
                .as_str()
                .map_or(other.value.to_string(), str::to_owned);
            switches.set(&switch.name, &text).unwrap();
            let now = switches.list().into_iter().find(|one| one.name == switch.name);
            assert_eq!(now.unwrap().value, other.value, "{}", switch.name);
        }
        let about = &listed[1].about;
        assert!(
            about.starts_with("StopChannel on IDLE") && about.ends_with("their state"),
            "{about}"
        );
    }

    #[test]
    fn a_switch_takes_its_own_type_and_settings_are_atomic() {
        let mut switches = Switches::default();
        let said = |error: Result<(), SwitchError>| error.unwrap_err().to_string();
        assert_eq!(
            said(switches.set("quietStopWhenIdle", "secret")),
            "quietStopWhenIdle takes true or false"
        );
        assert_eq!(
            said(switches.set("refusedStream", "secret")),
            "refusedStream takes ERROR, RECOVERING or ACTIVE"
        );
        assert_eq!(
            said(switches.set("listPageMax", "-1")),
            "listPageMax takes a whole number, 0 or more"
        );
        let unknown = said(switches.set("secret", "1"));
        assert!(
            unknown.contains("quietStopWhenIdle, ") && !unknown.contains("secret"),
            "{unknown}"
        );
        let both = json!({"listPageMax": 7, "quietStopWhenIdle": 7});
        assert!(switches.merge(both.as_object().unwrap()).is_err());
        assert_eq!(switches, Switches::default());
    }

    #[test]
    fn a_policy_allows_keys_by_name_or_by_their_beginning() {
        let mut switches = Switches::default();
        assert!(switches.allows_tag("any"));
        switches
            .set("tagKeysAllowed", "slotwise.dev/owner, team/*")
            .unwrap();
        for (key, allowed) in [
            ("slotwise.dev/owner", true),
            ("slotwise.dev/owner2", false),
            ("team/a", true),
            ("team", false),
        ] {
            assert_eq!(switches.allows_tag(key), allowed, "{key}");
        }
        switches.set("tagKeysAllowed", "").unwrap();
        assert!(!switches.allows_tag("") && !switches.allows_tag("x"));
    }
}
