//! No body, however strange, is the service's failure: properties over random JSON and random bytes.

use std::cell::RefCell;

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use serde_json::{Map, Value, json};

use crate::support::{TOKEN, TestService};

const PATHS: [&str; 9] = [
    "/api/v1/queues",
    "/api/waiting-queue-token",
    "/api/v1/reservations",
    "/api/v1/payments",
    "/api/v1/payments/1/cancel",
    "/api/v1/users/1/balance/charge",
    "/api/v1/users/1/coupons/publish",
    "/api/v1/orders",
    "/admin/reset",
];

const FIELDS: [&str; 24] = [
    "userId",
    "requestAt",
    "scheduleId",
    "seatId",
    "reservationId",
    "amount",
    "concerts",
    "schedules",
    "activeLimit",
    "holdSeconds",
    "balance",
    "couponId",
    "products",
    "id",
    "quantity",
    "stock",
    "couponLimit",
    "path",
    "share",
    "delayMs",
    "status",
    "stallMs",
    "leakKiB",
    "x",
];

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        (0_u64..100).prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        any::<String>().prop_map(Value::from),
    ];
    let name =
        prop_oneof![4 => prop::sample::select(&FIELDS[..]).prop_map(str::to_owned), 1 => any::<String>()];
    leaf.prop_recursive(3, 24, 6, move |inner| {
        prop_oneof![
            1 => prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            4 => prop::collection::vec((name.clone(), inner), 0..6)
                .prop_map(|fields| Value::from(Map::from_iter(fields))),
        ]
    })
}

/// An object with the known fields, each with anything in it.
fn likely_object() -> impl Strategy<Value = Value> {
    prop::collection::vec((prop::sample::select(&FIELDS[..]), any_json()), 1..6)
        .prop_map(|fields| fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect())
}

#[test]
fn no_list_of_faults_gives_a_server_error() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let service = runtime.block_on(TestService::start());
    let client = RefCell::new(runtime.block_on(service.client()));
    let lists = prop::collection::vec(likely_object(), 0..4).prop_map(Value::from);
    let bodies = prop_oneof![3 => lists, 1 => any_json()];
    let mut runner = TestRunner::new(Config { cases: 200, failure_persistence: None, ..Config::default() });
    let outcome = runner.run(&bodies, |body| {
        let body = body.to_string();
        let answer = runtime.block_on(client.borrow_mut().send("PUT", "/admin/faults", &[], &body));
        prop_assert!([200, 400, 413].contains(&answer.status), "{}: {:?}", body, answer);
        Ok(())
    });
    outcome.unwrap();
}

#[test]
fn no_body_gives_a_server_error() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let (service, token) = runtime.block_on(async {
        let service = TestService::start().await;
        let token = service.client().await.enter(1).await;
        (service, token)
    });
    let client = RefCell::new(runtime.block_on(service.client()));
    let body = prop_oneof![
        2 => any_json().prop_map(|json| json.to_string()),
        3 => likely_object().prop_map(|json| json.to_string()),
        1 => any::<String>(),
    ];
    let cases = (prop::sample::select(&PATHS[..]), body);
    // No file of past failures: a case is small enough to be written down as a test.
    let mut runner = TestRunner::new(Config { cases: 600, failure_persistence: None, ..Config::default() });
    let outcome = runner.run(&cases, |(path, body)| {
        let answer = runtime.block_on(client.borrow_mut().send("POST", path, &[(TOKEN, &token)], &body));
        prop_assert!(answer.status < 500, "{} {}: {:?}", path, body, answer);
        prop_assert_eq!(&answer.json()["code"], &json!(answer.status));
        Ok(())
    });
    outcome.unwrap();
    runtime.block_on(service.clean_audit());
}
