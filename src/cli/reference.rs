//! The reference of commands, flags and exit codes, as Markdown, generated from what the program itself knows.

use std::fmt::Write as _;

use clap::{Arg, Command};

use super::exit::ExitCode;

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

fn line(page: &mut String, text: &str) {
    // Writing to a String cannot fail.
    writeln!(page, "{text}").ok();
}
