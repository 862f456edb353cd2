//! The pages of `manifests/reference`, as Markdown, generated from what the program itself knows.

mod http;
mod platforms;
pub mod reasons;

use std::fmt::Write as _;

use clap::{Arg, Command};

use super::exit::ExitCode;
use crate::metrics::Metrics;

/// Every page, by its file name.
pub fn pages(metrics: &Metrics) -> [(&'static str, String); 6] {
    [
        ("commands.md", commands_page()),
        (
            "exit-codes.md",
            titled("Exit codes", "How a command ended.", &exit_codes()),
        ),
        (
            "http.md",
            titled(
                "HTTP",
                "What `slotwise run --listen ADDRESS` serves. It shows the last look, whose time is in `Last-Modified`, and \
                 changes nothing.\nErrors are `application/problem+json` (RFC 9457).\n\nWithout a token only requests that \
                 are addressed to this machine are answered. An address that other machines can reach needs a token of 16 \
                 characters or more,\nin `SLOTWISE_API_TOKEN` or in the file that `--api-token-file` names. There is no TLS: put a \
                 proxy that has it in front, or use a network that you trust.",
                &http::page(),
            ),
        ),
        (
            "metrics.md",
            titled(
                "Metrics",
                "What `/metrics` sends. Every label has few values: codes, states, actions; never a name, a URL or a \
                 key.\nThe values of `reason` are the [codes](reasons.md) that plans and status show.",
                &metrics.reference(),
            ),
        ),
        (
            "platforms.md",
            titled(
                "Platforms",
                "What `platform:` of a Destination stands for. The stream key is never part of the URL.\nA channel with two \
                 pipelines sends its second one to the backup URL.",
                &platforms::page(),
            ),
        ),
        (
            "reasons.md",
            titled(
                "Reasons",
                "Every code of a step and of a waiting. What is in capitals differs from plan to plan.",
                &reasons::page(),
            ),
        ),
    ]
}

fn titled(title: &str, about: &str, content: &str) -> String {
    format!(
        "# {title}\n\n{about}\n\n<!-- generated: SLOTWISE_UPDATE_REFERENCE=1 cargo test --test it cli::docs -->\n\n{content}"
    )
}

fn commands_page() -> String {
    let content = format!(
        "{}\n## Flags\n\nEvery flag can be given as a variable. Times are written like `500ms`, `60s`, `5m`.\n\n{}",
        commands(),
        flags()
    );
    let about = "A SOURCE is a YAML file, or a directory of them. `slotwise COMMAND --help` says more.";
    titled("Commands and flags", about, &content)
}

/// Every command and what it does.
pub fn commands() -> String {
    let mut page = String::from("| command | does |\n|---|---|\n");
    let mut command = super::command();
    command.build();
    for sub in listed(&command) {
        let about = sub.get_about().map(ToString::to_string).unwrap_or_default();
        line(
            &mut page,
            &format!(
                "| `{}{}` | {about} |",
                sub.get_name(),
                positionals(sub).replace('|', "\\|")
            ),
        );
    }
    page
}

/// Every flag, once: with the commands that take it, the variable that stands for it, and its default.
pub fn flags() -> String {
    let mut command = super::command();
    command.build();
    let all: Vec<&str> = listed(&command).map(Command::get_name).collect();
    let mut flags: Vec<(Flag, Vec<&str>)> = Vec::new();
    for sub in listed(&command) {
        for flag in sub.get_arguments().filter(|arg| is_listed(arg)).map(Flag::of) {
            match flags.iter_mut().find(|(known, _)| *known == flag) {
                Some((_, takers)) => takers.push(sub.get_name()),
                None => flags.push((flag, vec![sub.get_name()])),
            }
        }
    }
    let mut page = String::from("| flag | of | variable | default | does |\n|---|---|---|---|---|\n");
    for (flag, takers) in &flags {
        let takers = if *takers == all {
            "all".to_owned()
        } else {
            takers.join(", ")
        };
        let Flag {
            form,
            variable,
            default,
            does,
        } = flag;
        line(
            &mut page,
            &format!("| `{form}` | {takers} | {variable} | {default} | {does} |"),
        );
    }
    page
}

/// Every exit code and what it means.
pub fn exit_codes() -> String {
    let mut page = String::from("| code | meaning |\n|---|---|\n");
    for code in ExitCode::ALL {
        line(&mut page, &format!("| {} | {} |", code.code(), code.meaning()));
    }
    page
}

fn listed(command: &Command) -> impl Iterator<Item = &Command> {
    command.get_subcommands().filter(|sub| sub.get_name() != "help")
}

/// ` DESTINATION SOURCE...`.
fn positionals(command: &Command) -> String {
    let mut text = String::new();
    for arg in command.get_positionals() {
        let name = arg
            .get_value_names()
            .and_then(|names| names.first())
            .map_or_else(|| arg.get_id().to_string().to_uppercase(), ToString::to_string);
        let many = arg.get_num_args().is_some_and(|count| count.max_values() > 1);
        let dots = if many { "..." } else { "" };
        let name = if arg.is_required_set() {
            format!(" {name}{dots}")
        } else {
            format!(" [{name}]{dots}")
        };
        text.push_str(&name);
    }
    text
}

fn is_listed(arg: &Arg) -> bool {
    !arg.is_positional() && !arg.is_hide_set() && !["help", "version"].contains(&arg.get_id().as_str())
}

/// A flag as the reference shows it.
#[derive(Debug, PartialEq, Eq)]
struct Flag {
    form: String,
    variable: String,
    default: String,
    does: String,
}

impl Flag {
    fn of(arg: &Arg) -> Self {
        let quoted = |text: std::borrow::Cow<'_, str>| format!("`{text}`");
        let takes_values = arg.get_action().takes_values();
        let mut form = format!("--{}", arg.get_long().unwrap_or_default());
        if let Some(short) = arg.get_short() {
            form = format!("-{short}, {form}");
        }
        if let (true, Some(names)) = (takes_values, arg.get_value_names()) {
            let value = names.first().map(ToString::to_string).unwrap_or_default();
            let optional = arg.get_num_args().is_some_and(|count| count.min_values() == 0);
            let value = if optional {
                format!("[={value}]")
            } else {
                format!(" {value}")
            };
            form.push_str(&value);
        }
        let defaults = arg.get_default_values().iter().filter(|_| takes_values);
        Self {
            form,
            variable: arg
                .get_env()
                .map(|name| quoted(name.to_string_lossy()))
                .unwrap_or_default(),
            default: defaults.map(|value| quoted(value.to_string_lossy())).collect(),
            does: arg
                .get_help()
                .map(ToString::to_string)
                .unwrap_or_default()
                .replace('|', "\\|"),
        }
    }
}

/// The text of a cell of a table.
fn escaped(text: &str) -> String {
    text.replace('|', "\\|")
}

fn line(page: &mut String, text: &str) {
    // Writing to a String cannot fail.
    writeln!(page, "{text}").ok();
}
