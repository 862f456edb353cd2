//! User name and password parameter, for servers that ask for them.

use super::key::is_name_in_aws;
use crate::manifest::node::FieldPath;
use crate::manifest::raw::RawDestinationSpec;
use crate::manifest::report::Report;
use crate::manifest::words::has_key_form;
use crate::model::Login;

/// Longest user name. MediaLive publishes no limit; RTMP servers take far shorter ones.
const USERNAME_LIMIT: usize = 255;
/// Longest name of a parameter (Systems Manager user guide, "About requirements and constraints for parameter names").
const PARAMETER_LIMIT: usize = 1011;

/// The login that `spec` declares; `None` where there is none, or where `report` has rejected it. Neither of the two is
/// repeated: a password may be pasted in their place.
pub(super) fn validate_login(spec: &RawDestinationSpec, report: &mut Report) -> Option<Login> {
    let at = FieldPath::from("spec");
    let (user_at, password_at) = (at.field("username"), at.field("passwordParameter"));
    let (username, parameter) = match (&spec.username, &spec.password_parameter) {
        (None, None) => return None,
        (Some(_), None) => {
            let message = "a user name without a password";
            let fix = format!(
                "add {}: the name of the SSM parameter that holds it",
                report.called("spec.passwordParameter")
            );
            report.reject(&user_at, message, fix);
            return None;
        }
        (None, Some(_)) => {
            let fix = format!("add {}", report.called("spec.username"));
            report.reject(&password_at, "a password without a user name", fix);
            return None;
        }
        (Some(username), Some(parameter)) => (username, parameter),
    };
    if let Some(platform) = spec.platform {
        let message = format!("platform: {} asks for no user name", platform.0.name);
        report.reject(&user_at, message, "remove user name and password parameter");
    }
    let user = check_username(username);
    let password = check_parameter(parameter);
    for (checked, at) in [(user, &user_at), (password, &password_at)] {
        if let Err((message, fix)) = checked {
            report.reject(at, message, fix);
        }
    }
    (!report.is_rejected()).then(|| Login {
        username: username.as_str().into(),
        password_parameter: parameter.as_str().into(),
    })
}

fn check_username(text: &str) -> Result<(), (&'static str, &'static str)> {
    const FIX: &str = "write it as the server's operator gave it";
    if text.is_empty() {
        Err(("the user name is empty", FIX))
    } else if text.len() > USERNAME_LIMIT {
        Err(("the user name is longer than 255 bytes", FIX))
    } else if text
        .chars()
        .any(|letter| letter.is_whitespace() || letter.is_control())
    {
        Err(("there are spaces or line breaks in the user name", FIX))
    } else {
        Ok(())
    }
}

fn check_parameter(text: &str) -> Result<(), (&'static str, &'static str)> {
    const FIX: &str = "write the name of an SSM parameter, which holds the password: /live/wowza-password";
    if text.split('/').any(has_key_form) {
        return Err(("this looks like a key, not like the name of a parameter", FIX));
    }
    if text.starts_with("arn:") {
        return Err(("this is an ARN, MediaLive takes the parameter's name", FIX));
    }
    if text.len() <= PARAMETER_LIMIT && is_name_in_aws(text, "ssm", "._-/") {
        Ok(())
    } else {
        Err(("this is not the name of a parameter", FIX))
    }
}
