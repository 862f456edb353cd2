//! JSON Schemas of what may be written, for editors and for CI.

use std::collections::BTreeMap;

use schemars::Schema;
use schemars::generate::SchemaSettings;
use schemars::transform::RecursiveTransform;
use serde_json::Value;

use super::raw::{RawDestination, RawPool};
use super::table::raw::RawTable;

/// A schema for each kind, by its name.
pub fn schemas() -> BTreeMap<String, Value> {
    let generator = || {
        SchemaSettings::draft2020_12()
            .with_transform(RecursiveTransform(drop_null))
            .into_generator()
    };
    let pool = generator().into_root_schema_for::<RawPool>();
    let destination = generator().into_root_schema_for::<RawDestination>();
    let table = generator().into_root_schema_for::<RawTable>();
    BTreeMap::from([
        ("ChannelPool".to_owned(), pool.to_value()),
        ("Destination".to_owned(), destination.to_value()),
        ("DestinationTable".to_owned(), table.to_value()),
    ])
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

/// A schema as it stands in a file.
pub fn to_text(schema: &Value) -> String {
    format!("{schema:#}\n")
}
