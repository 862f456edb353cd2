//! JSON Schemas of what may be written, for editors and for CI.

use std::collections::BTreeMap;

use schemars::generate::{SchemaGenerator, SchemaSettings};
use schemars::transform::RecursiveTransform;
use schemars::{JsonSchema, Schema};
use serde_json::Value;

use super::raw::{RawDestination, RawPool, RawRouterPool};
use super::table::raw::RawTable;

/// Whatever a file may hold: one object, of any kind.
#[derive(JsonSchema)]
#[schemars(untagged, title = "slotwise", rename = "Any")]
#[expect(dead_code, clippy::large_enum_variant, reason = "only its schema is used")]
enum Any {
    Pool(RawPool),
    RouterPool(RawRouterPool),
    Destination(RawDestination),
    Table(RawTable),
}

/// A schema for each kind, by its name.
pub fn schemas() -> BTreeMap<String, Value> {
    let pool = generator().into_root_schema_for::<RawPool>();
    let routers = generator().into_root_schema_for::<RawRouterPool>();
    let destination = generator().into_root_schema_for::<RawDestination>();
    let table = generator().into_root_schema_for::<RawTable>();
    BTreeMap::from([
        ("ChannelPool".to_owned(), pool.to_value()),
        ("RouterPool".to_owned(), routers.to_value()),
        ("Destination".to_owned(), destination.to_value()),
        ("DestinationTable".to_owned(), table.to_value()),
    ])
}

/// One schema for files that hold objects of several kinds: what an editor is given.
pub fn combined() -> Value {
    let mut schema = generator().into_root_schema_for::<Any>();
    if let Some(object) = schema.as_object_mut() {
        // `kind` is another constant in each, so that only one of them fits.
        if let Some(kinds) = object.remove("anyOf") {
            object.insert("oneOf".to_owned(), kinds);
        }
    }
    schema.to_value()
}

fn generator() -> SchemaGenerator {
    SchemaSettings::draft2020_12()
        .with_transform(RecursiveTransform(drop_null))
        .into_generator()
}

/// A field has a value or is not there: `null` is what schemars makes of an `Option`.
fn drop_null(schema: &mut Schema) {
    let Some(object) = schema.as_object_mut() else {
        return;
    };
    if let Some(Value::Array(types)) = object.get_mut("type") {
        types.retain(|name| name != "null");
        if let [only] = types.as_slice() {
            let only = only.clone();
            object.insert("type".to_owned(), only);
        }
    }
    if let Some(Value::Array(options)) = object.get_mut("anyOf") {
        options.retain(|option| option.get("type").is_none_or(|name| name != "null"));
        if let [Value::Object(only)] = options.as_slice() {
            let only = only.clone();
            object.remove("anyOf");
            object.extend(only);
        }
    }
}

/// A schema as the text of a file.
pub fn to_text(schema: &Value) -> String {
    format!("{schema:#}\n")
}
