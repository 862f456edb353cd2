//! A table of several tenants.

use slotwise::testing::status::Phase;

use super::{json, text};
use crate::tables::{emulator, tenants};

const CASE: &str = "24-table-two-tenants-one-name";

#[tokio::test]
async fn a_status_is_that_of_the_item_whatever_others_are_called() {
    let fixture = tenants::tenants().await;
    let table = text(CASE, "table.yaml").replace("table: live", &format!("table: {}", fixture.table()));
    fixture.write("table.yaml", &table);
    for item in json(CASE, "items.json").as_array().unwrap() {
        let fields = item.as_object().unwrap().iter();
        let texts: Vec<(&str, &str)> = fields
            .map(|(name, value)| (&**name, value.as_str().unwrap()))
            .collect();
        fixture.dynamo.put(&fixture.table(), &texts, &[]).await;
    }
    let emulator = emulator(&fixture).await;
    let mut daemon = fixture.daemon(&emulator);
    let shown = |tenant: &'static str, id: &'static str| {
        let fixture = &fixture;
        async move { tenants::text(fixture, tenant, id, "shown").await }
    };
    daemon
        .run_during(async {
            let streaming = format!("{:?}", Phase::Streaming);
            let limit = tokio::time::Instant::now() + crate::tables::PATIENCE;
            while shown("acme", "1").await != streaming && tokio::time::Instant::now() < limit {
                tokio::time::sleep(std::time::Duration::from_millis(50)).await;
            }
            assert_eq!(shown("acme", "1").await, "Streaming");
        })
        .await;
    for (tenant, id, phase) in [
        ("acme", "1", "Streaming"),
        ("beta", "1", "Ready"),
        ("beta", "2", "Ready"),
        ("gamma", "1", "Ready"),
        ("gamma", "2", "Error"),
    ] {
        assert_eq!(shown(tenant, id).await, phase, "{tenant} {id}");
    }
    let why = tenants::text(&fixture, "gamma", "2", "why").await;
    assert!(
        why.contains("[tenant=gamma, id=2]") && why.contains("`perhaps`"),
        "{why}"
    );
    let status = daemon.controller.status();
    let names: Vec<&str> = status.destinations.iter().map(|one| one.name.as_str()).collect();
    for name in ["main-stage", "buhne-1", "ri-ben-yu"] {
        assert!(names.contains(&name), "{names:?}");
    }
    assert!(
        names
            .iter()
            .filter(|name| name.starts_with("main-stage-"))
            .count()
            >= 2,
        "{names:?}"
    );
}
