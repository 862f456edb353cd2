use serde_json::{Map, json};

use super::*;

/// A way from an operation's body down to a member
type Way = Vec<(&'static str, bool)>;

/// Every enum, range and other type that a body reaches, each by one way, the shortest
fn members(operation: Operation) -> Vec<(Way, &'static MemberType)> {
    let model = model_of(operation);
    let mut waiting = vec![(Way::new(), model.operations[operation.name().as_str()].shape)];
    let (mut found, mut seen, mut next) = (Vec::new(), std::collections::BTreeSet::new(), 0);
    while next < waiting.len() {
        let (way, shape) = waiting[next].clone();
        next += 1;
        if !seen.insert(shape) {
            continue;
        }
        let Some(Shape::Struct(members) | Shape::Union(members)) = model.shapes.get(shape) else {
            continue;
        };
        for member in members {
            let (kind, is_list) = match &member.kind {
                MemberType::List(inner, _) => (&**inner, true),
                kind => (kind, false),
            };
            let mut way = way.clone();
            way.push((member.name, is_list));
            if let MemberType::Named(inner) = kind {
                waiting.push((way.clone(), inner));
            }
            found.push((way, kind));
        }
    }
    found
}

/// A body with `value` at the end of the way and nothing else
fn body(way: &Way, value: Value) -> Object {
    let wrap = |inner: Value, (name, is_list): &(&str, bool)| {
        let inner = if *is_list { json!([inner]) } else { inner };
        Value::Object(Map::from_iter([((*name).to_owned(), inner)]))
    };
    let body = way.iter().rev().fold(value, wrap);
    body.as_object().unwrap().clone()
}

fn path(way: &Way) -> String {
    let name = |(name, is_list): &(&str, bool)| format!("{name}{}", if *is_list { "[0]" } else { "" });
    let path = way.iter().map(name).collect::<Vec<_>>().join(".");
    path.strip_prefix("encoderSettings.").unwrap_or(&path).to_owned()
}

fn said(operation: Operation, way: &Way, value: Value) -> Vec<String> {
    let found = check(operation, &body(way, value), true);
    let invalid = found
        .invalid
        .into_iter()
        .map(|one| format!("{} {}", one.element_path, one.error_message));
    found.malformed.into_iter().chain(invalid).collect()
}

/// Values that the kind does not take, and one that it does
fn samples(model: &Model, kind: &MemberType) -> (Vec<Value>, Value) {
    match kind {
        MemberType::Boolean => (vec![json!("true"), json!(1)], json!(true)),
        MemberType::Hour => (
            vec![json!("02:30"), json!("24:00"), json!("002:00")],
            json!("2:00"),
        ),
        MemberType::Graphic(range) => (
            vec![json!(1), json!(""), json!("a b"), json!("é"), longer(*range)],
            json!("a!b~"),
        ),
        MemberType::Label(range) => (
            vec![json!(1), json!("-a"), json!("a_"), json!("a.b"), longer(*range)],
            json!("a-b_c"),
        ),
        MemberType::Cidr => (
            vec![
                json!(1),
                json!("203.0.113.0"),
                json!("203.0.113.0/33"),
                json!("a/8"),
            ],
            json!("203.0.113.0/24"),
        ),
        MemberType::Arn(service, kind) => {
            let arn = |service: &str, account: &str, kind: &str| {
                json!(format!("arn:aws:{service}:us-east-1:{account}:{kind}:a1"))
            };
            let account = "111122223333";
            let bad = [
                arn("s3", account, kind),
                arn(service, "1", kind),
                arn(service, account, "x"),
            ];
            let bad = bad.into_iter().chain([json!(1), json!("hush-hush")]).collect();
            (bad, arn(service, account, kind))
        }
        MemberType::Texts => (vec![json!([]), json!({"a": 1})], json!({"a": "b"})),
        MemberType::Text(range) => {
            let text = |length| json!("x".repeat(length));
            let short = range.min.filter(|min| *min > 0).map(|min| text(min - 1));
            let long = range.max.map(|max| text(max + 1));
            let bad = [Some(json!(1)), short, long].into_iter().flatten().collect();
            (bad, text(range.max.or(range.min).unwrap_or(3)))
        }
        MemberType::Whole(range) => {
            let bad = [
                range.min.map(|min| json!(min - 1)),
                range.max.map(|max| json!(max + 1)),
            ];
            let bad = bad
                .into_iter()
                .flatten()
                .chain([json!("7"), json!(7.5)])
                .collect();
            (bad, json!(range.max.or(range.min).unwrap_or(7)))
        }
        MemberType::Number(range) => {
            let bad = [
                range.min.map(|min| json!(min - 0.5)),
                range.max.map(|max| json!(max + 0.5)),
            ];
            (
                bad.into_iter().flatten().chain([json!("7")]).collect(),
                json!(range.min.or(range.max).unwrap_or(7.0)),
            )
        }
        MemberType::Named(name) => match &model.shapes[name] {
            Shape::Union(members) => (
                vec![json!("x"), json!({"unheardOf": 1}), json!({})],
                json!({ members[0].name: {} }),
            ),
            Shape::Struct(_) => (vec![json!("x"), json!({"unheardOf": 1})], json!({})),
            Shape::Enum(values) => (
                vec![json!("UNHEARD_OF"), json!(values[0].to_lowercase()), json!(1)],
                json!(values.last().unwrap()),
            ),
        },
        MemberType::List(..) => unreachable!("no list of lists is in the model"),
    }
}

fn longer(range: Range<usize>) -> Value {
    json!("x".repeat(range.max.unwrap() + 1))
}

/// How many enums, unions and structs, and how many ranges, were tried
#[derive(Default)]
struct Tried {
    shapes: std::collections::BTreeSet<&'static str>,
    ranges: usize,
}

impl Tried {
    fn count(&mut self, kind: &'static MemberType) {
        match kind {
            MemberType::Named(shape) => drop(self.shapes.insert(shape)),
            MemberType::Whole(range) if range.min.is_some() || range.max.is_some() => self.ranges += 1,
            _ => {}
        }
    }
}

fn break_every_member(operation: Operation, tried: &mut Tried) {
    let name = operation.name();
    for (way, kind) in members(operation) {
        let (bad, good) = samples(model_of(operation), kind);
        let path = path(&way);
        let of_it = |said: &[String]| {
            said.iter().any(|one| {
                let rest = one.strip_prefix(&path).unwrap_or_default();
                rest.starts_with(" must be ")
                    || rest.starts_with(" must have ")
                    || rest.starts_with(" has characters that it must not have")
                    || rest.contains(" is not in the range ")
                    || rest.starts_with(" does not have a member")
            })
        };
        for value in bad {
            let said = said(operation, &way, value.clone());
            assert!(
                of_it(&said) || path.is_empty() || path == "encoderSettings",
                "{name} {path} {value}: {said:?}"
            );
            assert!(!said.concat().contains("hush-hush"), "{said:?}");
        }
        let said = said(operation, &way, good.clone());
        assert!(!of_it(&said), "{name} {path} {good}: {said:?}");
        tried.count(kind);
    }
}

#[test]
fn every_constraint_of_medialives_model_is_enforced() {
    let mut tried = Tried::default();
    for operation in [
        Operation::CreateChannel,
        Operation::UpdateChannel,
        Operation::CreateInput,
        Operation::BatchUpdateSchedule,
    ] {
        break_every_member(operation, &mut tried);
    }
    let Tried { shapes, ranges } = tried;
    assert!(shapes.len() > 400 && ranges > 150, "{} {ranges}", shapes.len());
}

#[test]
fn every_constraint_of_mediaconnects_model_is_enforced() {
    use crate::emulator::mediaconnect::Operation as Op;
    let mut tried = Tried::default();
    for operation in Op::ALL {
        if MEDIACONNECT.operations.contains_key(operation.name()) {
            break_every_member(Operation::Router(*operation), &mut tried);
        }
    }
    let Tried { shapes, ranges } = tried;
    assert_eq!(
        shapes.len(),
        MEDIACONNECT.shapes.len() - MEDIACONNECT.operations.len()
    );
    assert!(ranges > 30, "{ranges}");
}

#[test]
fn the_tables_are_complete() {
    for (model, table, begins) in [
        (
            &*MEDIALIVE,
            include_str!("../model.txt"),
            "MediaLive 2017-10-14 of botocore 1.",
        ),
        (
            &*MEDIACONNECT,
            include_str!("../mediaconnect.txt"),
            "MediaConnect 2018-11-14 of botocore 1.",
        ),
    ] {
        assert!(table.starts_with(begins));
        let (operations, shapes) = (model.operations.len(), model.shapes.len());
        assert_eq!(table.lines().count(), 1 + operations + shapes);
        for (name, shape) in &model.shapes {
            let (Shape::Struct(members) | Shape::Union(members)) = shape else {
                continue;
            };
            for member in members {
                let kind = match &member.kind {
                    MemberType::List(inner, _) => inner,
                    kind => kind,
                };
                if let MemberType::Named(inner) = kind {
                    assert!(
                        model.shapes.contains_key(inner),
                        "{name}.{}: {inner}",
                        member.name
                    );
                }
            }
        }
        for body in model.operations.values() {
            assert!(model.shapes.contains_key(body.shape), "{}", body.shape);
        }
    }
}

#[test]
fn a_list_has_as_many_items_as_the_model_says() {
    use crate::emulator::mediaconnect::Operation as Op;
    let said = |rules: usize| {
        let rules = vec![json!({"cidr": "203.0.113.0/24"}); rules];
        let body = json!({"name": "a", "configuration": {"public": {"allowRules": rules}}});
        let create = Operation::Router(Op::CreateRouterNetworkInterface);
        check(create, body.as_object().unwrap(), true).malformed
    };
    assert_eq!(said(10), [""; 0]);
    assert_eq!(
        said(11),
        ["configuration.public.allowRules must have 0 to 10 items"]
    );
}

#[test]
fn required_members_are_required_with_known_exceptions() {
    let settings = json!({"encoderSettings": {"audioDescriptions": [{}], "outputGroups": [{}]}});
    let found = check(Operation::CreateChannel, settings.as_object().unwrap(), true);
    let said: Vec<String> = found
        .invalid
        .iter()
        .map(|one| format!("{} {}", one.element_path, one.error_message))
        .collect();
    assert_eq!(
        said,
        [
            "audioDescriptions[0] requires property \"name\"",
            "outputGroups[0] requires property \"outputGroupSettings\"",
            "outputGroups[0] requires property \"outputs\"",
            " requires property \"timecodeConfig\"",
            " requires property \"videoDescriptions\"",
        ]
    );
}

#[test]
fn an_unknown_member_is_refused_by_name_unless_it_could_be_a_key() {
    let unknown = |key: &str, refuse| {
        let found = check(
            Operation::UpdateChannel,
            json!({"destinations": [{key: 1}]}).as_object().unwrap(),
            refuse,
        );
        found.malformed
    };
    assert_eq!(
        unknown("streamNames", true),
        ["destinations[0] does not have a member streamNames in MediaLive's model"]
    );
    assert_eq!(
        unknown("abcd-1234-very-secret", true),
        ["destinations[0] does not have such a member in MediaLive's model"]
    );
    assert_eq!(unknown("streamNames", false), [""; 0]);
}

#[test]
fn an_operation_without_422_answers_400_to_everything() {
    let found = check(Operation::CreateTags, &Object::new(), true);
    assert!(found.invalid.is_empty());
    let body = json!({"routerSettings": {"destinations": [{}]}, "multicastSettings": {"sources": [{}]}});
    let found = check(Operation::CreateInput, body.as_object().unwrap(), true);
    assert!(found.invalid.is_empty());
    let expected = [
        "multicastSettings.sources[0] requires property \"url\"",
        "routerSettings.destinations[0] requires property \"availabilityZoneName\"",
    ];
    assert_eq!(found.malformed, expected);
}
