//! The best sold products: a page that is a second old at most.

use serde_json::json;

use crate::support::TestService;

#[tokio::test]
async fn ranks_are_kept_for_a_second_and_then_told_anew() {
    let service = TestService::start().await;
    let mut client = service.client().await;
    let path = "/api/v1/products/ranks";
    let first = client.get(path).await;
    let products = first.expect(200)["products"].clone();
    assert_eq!(products.as_array().unwrap().len(), 100);
    assert_eq!(products[0], json!({ "id": 1, "name": "Product 1", "price": 1000, "sold": 0 }));
    assert_eq!(first.header("X-Cache"), Some("MISS"));

    let order = client.order(1, 77, 3).await.expect(200)["orderId"].clone();
    client.settled(&order).await;
    let kept = client.get("/api/v1/api/v0/products/ranks").await;
    assert_eq!((kept.header("X-Cache"), &kept.body), (Some("HIT"), &first.body));
    service.advance(1);
    let renewed = client.get(path).await;
    assert_eq!(renewed.header("X-Cache"), Some("MISS"));
    let best = renewed.expect(200)["products"][0].clone();
    assert_eq!(best, json!({ "id": 77, "name": "Product 77", "price": 1000, "sold": 3 }));
    assert_eq!(client.get(path).await.header("X-Cache"), Some("HIT"));
}

#[tokio::test]
async fn a_world_has_as_many_ranks_as_products_and_its_own() {
    let service = TestService::sized(json!({ "products": 2 })).await;
    let mut client = service.client().await;
    let path = "/api/v1/products/ranks";
    assert_eq!(client.get(path).await.expect(200)["products"].as_array().unwrap().len(), 2);
    client.post("/admin/reset", json!({ "products": 3 })).await.expect(200);
    let fresh = client.get(path).await;
    assert_eq!(fresh.header("X-Cache"), Some("MISS"));
    assert_eq!(fresh.expect(200)["products"].as_array().unwrap().len(), 3);
}
