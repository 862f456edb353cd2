//! Values of attributes ↔ nodes of a tree.

use aws_sdk_dynamodb::types::AttributeValue;

use crate::manifest::node::Node;

/// What `value` is in a tree. Sets and binaries are no part of a destination: a set becomes a list, a binary a hole
/// that is reported as a value of another type.
pub(super) fn to_node(value: AttributeValue) -> Node {
    match value {
        AttributeValue::S(text) => Node::Text(text),
        AttributeValue::N(number) => number_node(&number),
        AttributeValue::Bool(value) => Node::Bool(value),
        AttributeValue::M(map) => {
            let entries = map.into_iter().map(|(key, value)| (key, to_node(value)));
            let mut entries: Vec<(String, Node)> = entries.collect();
            // A map of DynamoDB has no order; a tree has one.
            entries.sort_by(|one, other| one.0.cmp(&other.0));
            Node::Map(entries)
        }
        AttributeValue::L(items) => Node::List(items.into_iter().map(to_node).collect()),
        AttributeValue::Ss(texts) => Node::List(texts.into_iter().map(Node::Text).collect()),
        AttributeValue::Ns(numbers) => Node::List(numbers.iter().map(|number| number_node(number)).collect()),
        AttributeValue::Null(_) => Node::Null,
        // Binary, sets of them, and types of a newer DynamoDB: no field has such a type.
        _ => Node::List(Vec::new()),
    }
}

fn number_node(number: &str) -> Node {
    match (number.parse(), number.parse()) {
        (Ok(whole), _) => Node::Int(whole),
        (_, Ok(float)) => Node::Float(float),
        _ => Node::Null,
    }
}

/// What `node` is as the value of an attribute.
pub(super) fn from_node(node: &Node) -> AttributeValue {
    match node {
        Node::Null | Node::Hole => AttributeValue::Null(true),
        Node::Bool(value) => AttributeValue::Bool(*value),
        Node::Int(number) => AttributeValue::N(number.to_string()),
        Node::Float(number) => AttributeValue::N(number.to_string()),
        Node::Text(text) => AttributeValue::S(text.clone()),
        Node::List(items) => AttributeValue::L(items.iter().map(from_node).collect()),
        Node::Map(entries) => {
            let entries = entries.iter().map(|(key, value)| (key.clone(), from_node(value)));
            AttributeValue::M(entries.collect())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_goes_in_comes_out() {
        let node = Node::Map(vec![
            ("a".to_owned(), Node::Int(-7)),
            ("b".to_owned(), Node::List(vec![Node::Bool(true), Node::Null])),
            ("c".to_owned(), Node::Text("x".to_owned())),
            ("d".to_owned(), Node::Float(0.5)),
        ]);
        assert!(to_node(from_node(&node)) == node);
    }

    #[test]
    fn numbers_keep_their_kind() {
        assert!(matches!(number_node("12"), Node::Int(12)));
        assert!(matches!(number_node("1.5E1"), Node::Float(_)));
    }
}
