//! The documents are those that the command line prints, and hold no key.

use slotwise::testing::api::routes::ROUTES;
use slotwise::testing::api::{Access, Token};
use slotwise::testing::model::Secret;
use slotwise::testing::plan::explain;
use slotwise::testing::render;

use super::live::Live;
use crate::stage::{desired, pool, ready, wanted};

#[tokio::test]
async fn every_document_equals_the_commands_output() {
    let mut live = Live::at_speed(desired(pool(&["1"]), vec![wanted("a"), ready("b")]), 1_000.0);
    live.converge().await;
    let served = live.serve(Access::Local).await;
    let view = live.pulse.borrow().view.clone().unwrap();
    let plan = served.get("/api/v1/plan").await;
    assert_eq!(
        (plan.status, plan.body),
        (200, render::plan_json::plan_json(&view.plan))
    );
    let a = "a".into();
    let explained = explain::explain(&view.loaded.desired, &view.observed, view.at, &a).unwrap();
    assert_eq!(
        served.get("/api/v1/destinations/a/explain").await.body,
        render::explain_json::explain_json(&explained, &view.plan)
    );

    let status: serde_json::Value = serde_json::from_str(&render::status::status_json(&view.status)).unwrap();
    let of = |keys: &[&str]| -> serde_json::Value {
        keys.iter()
            .map(|key| ((*key).to_owned(), status[*key].clone()))
            .collect()
    };
    assert_eq!(
        served.get("/api/v1/destinations").await.json(),
        of(&["formatVersion", "destinations", "conditions"])
    );
    assert_eq!(
        served.get("/api/v1/channels").await.json(),
        of(&["formatVersion", "channels", "conditions"])
    );
    let mut b = served.get("/api/v1/destinations/b").await.json();
    assert_eq!(
        b.as_object_mut().unwrap().shift_remove("formatVersion").unwrap(),
        1
    );
    assert_eq!(b, status["destinations"][1]);
    served.end().await;
}

#[tokio::test]
async fn destinations_are_filtered_by_pool_phase_and_wish() {
    let mut live = Live::at_speed(desired(pool(&["1"]), vec![wanted("a"), ready("b")]), 1_000.0);
    live.converge().await;
    let served = live.serve(Access::Local).await;
    for (query, names) in [
        ("", &["a", "b"][..]),
        ("?pool=main", &["a", "b"]),
        ("?pool=main&phase=Streaming", &["a"]),
        ("?wanted=Ready", &["b"]),
        ("?wanted=Ready&phase=Streaming", &[]),
        ("?pool=other", &[]),
    ] {
        let json = served.get(&format!("/api/v1/destinations{query}")).await.json();
        let kept = json["destinations"].as_array().unwrap();
        let kept: Vec<&str> = kept.iter().map(|one| one["name"].as_str().unwrap()).collect();
        assert_eq!(kept, names, "{query}");
        assert_eq!(json["conditions"][0]["type"], "SourceTrusted");
    }
    for query in [
        "?phases=Streaming",
        "?pool=a&pool=b",
        "?phase=streaming",
        "?wanted=yes",
    ] {
        let answer = served.get(&format!("/api/v1/destinations{query}")).await;
        assert_eq!(answer.problem().0, 400, "{query}");
    }
    served.end().await;
}

#[tokio::test]
async fn what_is_not_there_is_a_problem_that_repeats_nothing() {
    let mut live = Live::at_speed(desired(pool(&["1"]), vec![ready("a")]), 1_000.0);
    live.converge().await;
    let served = live.serve(Access::Local).await;
    for path in [
        "/api/v1/destinations/n0body",
        "/api/v1/destinations/n0body/explain",
        "/api/v1/destinations/%ffn0body",
        "/api/v1/n0body",
        "/n0body",
        "/api/v1/destinations/a/n0body",
    ] {
        let answer = served.get(path).await;
        assert_eq!(answer.problem().0, 404, "{path}");
        assert!(!answer.body.contains("n0body"), "{answer:?}");
    }
    let post = format!(
        "POST /api/v1/plan HTTP/1.1\r\nHost: {}\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{{}}",
        served.address
    );
    assert_eq!(served.send(&post).await.problem().0, 405);
    served.end().await;
}

#[tokio::test]
async fn no_endpoint_shows_a_key() {
    let token = "t0ken-that-must-not-show";
    let mut live = Live::at_speed(desired(pool(&["1", "2"]), vec![wanted("a"), ready("b")]), 1_000.0);
    live.converge().await;
    // A target of a user in a slot, with a key in its URL as well.
    live.script.change(|desired| {
        let mut c = wanted("c");
        c.url = "rtmp://c.example/k3y-in-path".into();
        c.key = slotwise::testing::model::StreamKey::Known(Secret::new("k3y-of-c"));
        desired
            .destinations
            .insert(c.name.clone(), std::sync::Arc::new(c));
    });
    live.converge().await;
    live.script.change(|desired| {
        desired.destinations.remove("c");
    });
    live.run_for(std::time::Duration::from_secs(2)).await;
    let served = live.serve(Access::Token(Token::new(token).unwrap())).await;
    let shown = format!("Authorization: Bearer {token}\r\n");
    let mut all = String::new();
    for path in [
        "/livez",
        "/readyz",
        "/metrics",
        "/api/v1/destinations",
        "/api/v1/destinations/a",
        "/api/v1/destinations/a/explain",
        "/api/v1/destinations/b/explain",
        "/api/v1/channels",
        "/api/v1/plan",
        "/api/v1/destinations/c",
        "/api/v1/destinations?key=k",
    ] {
        let answer = served.get_with(path, &shown).await;
        assert!(answer.body.len() > 20, "{path}: {answer:?}");
        all.push_str(&answer.headers);
        all.push_str(&answer.body);
    }
    let world = live
        .emulator
        .with_world(|world, _| format!("{:?}", world.channel("1").unwrap().describe()));
    assert!(world.contains("k3y"), "the canary is there to be shown");
    for canary in ["k3y", token, "rtmp://"] {
        assert!(!all.contains(canary), "{canary} is shown:\n{all}");
    }
    served.end().await;
}

/// What `manifests/reference/http.md` says of each route.
#[tokio::test]
async fn every_route_answers_as_the_reference_says() {
    let mut live = Live::at_speed(desired(pool(&["1"]), vec![wanted("a"), ready("b")]), 1_000.0);
    live.converge().await;
    let token = "0123456789abcdef";
    let served = live.serve(Access::Token(Token::new(token).unwrap())).await;
    let shown = format!("Authorization: Bearer {token}\r\n");
    for route in ROUTES {
        let path = route.path.replace("{name}", "a");
        assert_eq!(route.method, "GET", "{path}");
        assert_eq!(served.get_with(&path, &shown).await.status, 200, "{path}");
        let without = served.get(&path).await.status;
        assert_eq!(without, if route.token { 401 } else { 200 }, "{path}");
        for (parameter, values) in route.parameters {
            for value in values.split('`').skip(1).step_by(2) {
                let asked = format!("{path}?{parameter}={value}");
                assert_eq!(served.get_with(&asked, &shown).await.status, 200, "{asked}");
            }
        }
    }
    served.end().await;
}
