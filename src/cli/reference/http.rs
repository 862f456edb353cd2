//! `http.md`: the routes of `run --listen`.

use super::{escaped, line};
use crate::api::routes::{EVERYWHERE, ROUTES};

/// Every route, and what all of them may answer.
pub(super) fn page() -> String {
    let mut page = String::from(
        "| method | path | parameters | 200 sends | other answers | token |\n|---|---|---|---|---|---|\n",
    );
    for route in ROUTES {
        let parameters = route
            .parameters
            .iter()
            .map(|(name, value)| format!("`{name}`: {value}"));
        let others = route.others.iter().map(|(code, when)| format!("{code}: {when}"));
        line(
            &mut page,
            &format!(
                "| {} | `{}` | {} | {} | {} | {} |",
                route.method,
                route.path,
                escaped(&parameters.collect::<Vec<_>>().join("<br>")),
                escaped(route.sends),
                escaped(&others.collect::<Vec<_>>().join("<br>")),
                if route.token { "yes" } else { "no" },
            ),
        );
    }
    page.push_str("\nEvery route may also answer:\n\n| code | when |\n|---|---|\n");
    for (code, when) in EVERYWHERE {
        line(&mut page, &format!("| {code} | {} |", escaped(when)));
    }
    page
}
