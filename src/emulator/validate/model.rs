//! The public service models: which members a request has, which of them it must have, and of what type they are.
//!
//! `model.txt` holds MediaLive's as a table, `mediaconnect.txt` that of MediaConnect's routers; `tests/contract/service_model.py` makes
//! them, and documents their form.

use std::collections::BTreeMap;
use std::str::FromStr;
use std::sync::LazyLock;

use serde_json::Value;

use super::{Findings, Object, join};
use crate::emulator::request::Operation;

/// Required by the model, and left out by channels that exist: the console and the CDK leave the selector out, which takes
/// the input's first audio (terraform-provider-aws has it as optional, too)
const NOT_REQUIRED: [(&str, &str); 1] = [("AudioDescription", "audioSelectorName")];

/// Longest name of an unknown member that a refusal repeats: a stream key that landed in the wrong place is not to be
/// repeated at any length
const NAME_MAX: usize = 64;

static MEDIALIVE: LazyLock<Model> = LazyLock::new(|| Model::read("MediaLive", include_str!("model.txt")));
static MEDIACONNECT: LazyLock<Model> =
    LazyLock::new(|| Model::read("MediaConnect", include_str!("mediaconnect.txt")));

fn model_of(operation: Operation) -> &'static Model {
    match operation {
        Operation::Router(_) => &MEDIACONNECT,
        _ => &MEDIALIVE,
    }
}

/// The table, by name
#[derive(Debug, Default)]
struct Model {
    service: &'static str,
    operations: BTreeMap<&'static str, Body>,
    shapes: BTreeMap<&'static str, Shape>,
}

/// What an operation takes
#[derive(Debug, Clone, Copy)]
struct Body {
    shape: &'static str,
    /// Whether a 422 is among the operation's errors; where it is not, everything wrong is a 400
    has_422: bool,
}

#[derive(Debug)]
enum Shape {
    Struct(Vec<Member>),
    /// A struct with exactly one of its members
    Union(Vec<Member>),
    Enum(Vec<&'static str>),
}

#[derive(Debug)]
struct Member {
    name: &'static str,
    is_required: bool,
    kind: MemberType,
}

#[derive(Debug)]
enum MemberType {
    Boolean,
    Text(Range<usize>),
    /// ASCII that is neither space nor control, one letter at least: `[!-~]+`
    Graphic(Range<usize>),
    /// Letters and digits, and between them also `-` and `_`
    Label(Range<usize>),
    /// An ARN of this service, and of this kind of resource
    Arn(&'static str, &'static str),
    /// Addresses of IPv4: `203.0.113.0/24`
    Cidr,
    /// A whole hour, `^([0,1]?[0-9]|2[0-3]):00$` in the API reference
    Hour,
    Whole(Range<i64>),
    Number(Range<f64>),
    /// Strings by the user's own names: tags
    Texts,
    List(Box<Self>, Range<usize>),
    Named(&'static str),
}

/// The least and the most, both included
#[derive(Debug, Clone, Copy)]
struct Range<T> {
    min: Option<T>,
    max: Option<T>,
}

impl Model {
    /// Reads the table, which a test reads to its end; a line of another form would be skipped
    fn read(service: &'static str, table: &'static str) -> Self {
        let mut model = Self {
            service,
            ..Self::default()
        };
        for line in table.lines().skip(1) {
            let mut words = line.split(' ');
            let (Some(what), Some(name)) = (words.next(), words.next()) else {
                continue;
            };
            match what {
                "operation" => {
                    let shape = words.next().unwrap_or_default();
                    let has_422 = words.next() == Some("422");
                    model.operations.insert(name, Body { shape, has_422 });
                }
                "struct" => {
                    let members = words.filter_map(Member::read).collect();
                    model.shapes.insert(name, Shape::Struct(members));
                }
                "union" => {
                    let members = words.filter_map(Member::read).collect();
                    model.shapes.insert(name, Shape::Union(members));
                }
                "enum" => {
                    model.shapes.insert(name, Shape::Enum(words.collect()));
                }
                _ => {}
            }
        }
        model
    }
}

impl Member {
    fn read(word: &'static str) -> Option<Self> {
        let (name, kind) = word.split_once(':')?;
        let required = name.strip_suffix('*');
        Some(Self {
            name: required.unwrap_or(name),
            is_required: required.is_some(),
            kind: MemberType::read(kind),
        })
    }
}

impl MemberType {
    fn read(word: &'static str) -> Self {
        if let Some((inner, range)) = word.strip_prefix('[').and_then(|rest| rest.rsplit_once(']')) {
            return Self::List(Box::new(Self::read(inner)), Range::read(range));
        }
        if let Some((service, kind)) = word.strip_prefix("arn:").and_then(|rest| rest.split_once(':')) {
            return Self::Arn(service, kind);
        }
        // Shapes begin with a capital.
        match word.as_bytes() {
            b"b" => Self::Boolean,
            b"{}" => Self::Texts,
            b"hour" => Self::Hour,
            b"cidr" => Self::Cidr,
            [b'g', ..] => Self::Graphic(Range::read(&word[1..])),
            [b'l', ..] => Self::Label(Range::read(&word[1..])),
            [b's', ..] => Self::Text(Range::read(&word[1..])),
            [b'i', ..] => Self::Whole(Range::read(&word[1..])),
            [b'd', ..] => Self::Number(Range::read(&word[1..])),
            _ => Self::Named(word),
        }
    }
}

impl<T: FromStr + PartialOrd + Copy> Range<T> {
    fn read(word: &str) -> Self {
        let (min, max) = word.split_once("..").unwrap_or_default();
        Self {
            min: min.parse().ok(),
            max: max.parse().ok(),
        }
    }

    fn holds(self, value: T) -> bool {
        self.min.is_none_or(|min| value >= min) && self.max.is_none_or(|max| value <= max)
    }
}

impl<T: std::fmt::Display> std::fmt::Display for Range<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match (&self.min, &self.max) {
            (Some(min), Some(max)) => write!(f, "{min} to {max}"),
            (Some(min), None) => write!(f, "{min} or more"),
            (None, Some(max)) => write!(f, "at most {max}"),
            (None, None) => f.write_str("any"),
        }
    }
}

/// Checks a body against the model; nothing is known of operations that take none
pub(super) fn check(operation: Operation, body: &Object, refuse_unknown: bool) -> Findings {
    let model = model_of(operation);
    let mut reader = Reader {
        model,
        findings: Findings::default(),
        refuse_unknown,
    };
    if let Some(known) = model.operations.get(operation.name().as_str()) {
        reader.object(known.shape, body, "");
        if !known.has_422 {
            reader.findings.all_malformed();
        }
    }
    reader.findings
}

/// Every `OutputLocationRef` of an operation's body: what has no meaning unless a destination has its id
pub(super) fn destination_refs<'a>(
    shape: &'static str,
    object: &'a Object,
    path: &str,
    found: &mut Vec<(String, &'a str)>,
) {
    let Some(Shape::Struct(members)) = MEDIALIVE.shapes.get(shape) else {
        return;
    };
    for member in members {
        let Some(value) = object.get(member.name) else {
            continue;
        };
        let path = join(path, member.name);
        match &member.kind {
            MemberType::Text(_) if member.name == "destinationRefId" => {
                found.extend(value.as_str().map(|id| (path, id)));
            }
            MemberType::Named(inner) => {
                if let Value::Object(object) = value {
                    destination_refs(inner, object, &path, found);
                }
            }
            MemberType::List(inner, _) => {
                let MemberType::Named(inner) = &**inner else {
                    continue;
                };
                for (index, one) in value.as_array().into_iter().flatten().enumerate() {
                    if let Value::Object(object) = one {
                        destination_refs(inner, object, &format!("{path}[{index}]"), found);
                    }
                }
            }
            _ => {}
        }
    }
}

struct Reader {
    model: &'static Model,
    findings: Findings,
    refuse_unknown: bool,
}

impl Reader {
    fn object(&mut self, shape: &str, object: &Object, path: &str) {
        let members = match self.model.shapes.get(shape) {
            Some(Shape::Struct(members)) => members,
            Some(Shape::Union(members)) => {
                self.union(object, path);
                members
            }
            _ => return,
        };
        for member in members {
            match object.get(member.name).filter(|value| !value.is_null()) {
                // The paths of what is wrong begin at the encoder's root.
                Some(value) if path.is_empty() && member.name == "encoderSettings" => {
                    match value.as_object() {
                        Some(encoder) => self.object("EncoderSettings", encoder, ""),
                        None => self.wrong("encoderSettings", "an object"),
                    }
                }
                Some(value) => self.value(&member.kind, value, &join(path, member.name)),
                None if member.is_required && !NOT_REQUIRED.contains(&(shape, member.name)) => {
                    self.findings.missing(path, member.name);
                }
                None => {}
            }
        }
        if self.refuse_unknown {
            let known = |key: &str| members.iter().any(|member| member.name == key);
            for key in object.keys().filter(|key| !known(key)) {
                self.unknown(path, key);
            }
        }
    }

    fn union(&mut self, object: &Object, path: &str) {
        let given = object.values().filter(|value| !value.is_null()).count();
        if given != 1 {
            self.findings
                .malformed(format!("{path} must have exactly one member"));
        }
    }

    fn unknown(&mut self, path: &str, key: &str) {
        let is_name = key.len() <= NAME_MAX && key.bytes().all(|letter| letter.is_ascii_alphabetic());
        let place = if path.is_empty() { "the request" } else { path };
        let what = if is_name {
            format!("a member {key}")
        } else {
            "such a member".to_owned()
        };
        self.findings.malformed(format!(
            "{place} does not have {what} in {}'s model",
            self.model.service
        ));
    }

    fn value(&mut self, kind: &MemberType, value: &Value, path: &str) {
        match kind {
            MemberType::Boolean if value.is_boolean() => {}
            MemberType::Boolean => self.wrong(path, "true or false"),
            MemberType::Text(range) => self.text(*range, value, path),
            MemberType::Graphic(range) => self.letters(*range, is_graphic, value, path),
            MemberType::Label(range) => self.letters(*range, is_label, value, path),
            MemberType::Arn(service, kind) => self.arn(service, kind, value, path),
            MemberType::Cidr => self.cidr(value, path),
            MemberType::Hour => self.hour(value, path),
            MemberType::Whole(range) => match value.as_i64() {
                Some(number) => self.range(range.holds(number), number, *range, path),
                None => self.wrong(path, "a whole number"),
            },
            MemberType::Number(range) => match value.as_f64() {
                Some(number) => self.range(range.holds(number), number, *range, path),
                None => self.wrong(path, "a number"),
            },
            MemberType::Texts => self.texts(value, path),
            MemberType::List(inner, range) => match value.as_array() {
                Some(list) if !range.holds(list.len()) => {
                    self.findings.invalid(path, format!("must have {range} items"));
                }
                Some(list) => {
                    for (index, one) in list.iter().enumerate() {
                        self.value(inner, one, &format!("{path}[{index}]"));
                    }
                }
                None => self.wrong(path, "a list"),
            },
            MemberType::Named(name) => self.named(name, value, path),
        }
    }

    fn named(&mut self, name: &str, value: &Value, path: &str) {
        match self.model.shapes.get(name) {
            Some(Shape::Struct(_) | Shape::Union(_)) => match value.as_object() {
                Some(object) => self.object(name, object, path),
                None => self.wrong(path, "an object"),
            },
            Some(Shape::Enum(allowed)) => match value.as_str() {
                Some(text) if allowed.contains(&text) => {}
                Some(_) => self.wrong(path, &format!("one of: {}", allowed.join(", "))),
                None => self.wrong(path, "a string"),
            },
            None => {}
        }
    }

    fn text(&mut self, range: Range<usize>, value: &Value, path: &str) {
        match value.as_str() {
            Some(text) if range.holds(text.chars().count()) => {}
            Some(_) => self
                .findings
                .invalid(path, format!("must have {range} characters")),
            None => self.wrong(path, "a string"),
        }
    }

    fn letters(&mut self, range: Range<usize>, is_fit: fn(&str) -> bool, value: &Value, path: &str) {
        self.text(range, value, path);
        if value.as_str().is_some_and(|text| !is_fit(text)) {
            self.findings
                .invalid(path, "has characters that it must not have");
        }
    }

    fn arn(&mut self, service: &str, kind: &str, value: &Value, path: &str) {
        match value.as_str() {
            Some(text) if is_arn(text, service, kind) => {}
            Some(_) => self
                .findings
                .invalid(path, format!("must be the ARN of a {kind} of {service}")),
            None => self.wrong(path, "a string"),
        }
    }

    fn cidr(&mut self, value: &Value, path: &str) {
        let (address, bits) = value
            .as_str()
            .and_then(|text| text.split_once('/'))
            .unwrap_or_default();
        let is_cidr =
            address.parse::<std::net::Ipv4Addr>().is_ok() && bits.parse::<u8>().is_ok_and(|bits| bits <= 32);
        if !is_cidr {
            self.findings
                .invalid(path, "must be a range of addresses like 203.0.113.0/24");
        }
    }

    fn hour(&mut self, value: &Value, path: &str) {
        let hour = value.as_str().and_then(|text| text.strip_suffix(":00"));
        let is_hour = hour.is_some_and(|hour| {
            (1..=2).contains(&hour.len()) && hour.parse::<u8>().is_ok_and(|hour| hour <= 23)
        });
        if !is_hour {
            self.findings.invalid(path, "must be a whole hour like 02:00");
        }
    }

    fn texts(&mut self, value: &Value, path: &str) {
        match value.as_object() {
            Some(map) if map.values().all(Value::is_string) => {}
            Some(_) => self.wrong(path, "an object of strings"),
            None => self.wrong(path, "an object"),
        }
    }

    fn range<T: std::fmt::Display + Copy>(&mut self, holds: bool, number: T, range: Range<T>, path: &str) {
        if !holds {
            self.findings
                .invalid(path, format!("{number} is not in the range {range}"));
        }
    }

    fn wrong(&mut self, path: &str, wanted: &str) {
        self.findings.malformed(format!("{path} must be {wanted}"));
    }
}

fn is_graphic(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic())
}

fn is_label(text: &str) -> bool {
    let is_alphanumeric = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_alphanumeric);
    let bytes = text.as_bytes();
    is_alphanumeric(bytes.first())
        && is_alphanumeric(bytes.last())
        && bytes
            .iter()
            .all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(byte))
}

/// `arn:aws:SERVICE:REGION:ACCOUNT:KIND:ID`; what follows the kind is looked up, not read. Roles have no region
fn is_arn(text: &str, service: &str, kind: &str) -> bool {
    let parts: Vec<&str> = text.splitn(6, ':').collect();
    let ["arn", partition, of, _, account, resource] = parts[..] else {
        return false;
    };
    let id = resource
        .strip_prefix(kind)
        .and_then(|rest| rest.strip_prefix([':', '/']));
    partition.starts_with("aws")
        && of == service
        && account.len() == 12
        && account.bytes().all(|byte| byte.is_ascii_digit())
        && id.is_some_and(|id| !id.is_empty() && id.bytes().all(|byte| byte.is_ascii_graphic()))
}

#[cfg(test)]
mod tests;
