//! The best sold products, at the paths of the contract and of the k6 script.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use axum::routing::get;
use serde::Serialize;

use super::App;
use super::envelope::page;
use super::pages::cached_for_a_while;
use super::routes::Routes;
use crate::domain::products::PRODUCT_PRICE;

/// How many of the best sold are told.
const RANKS: usize = 100;

pub(super) fn routes() -> Routes {
    Routes::new()
        .route("/api/v1/products/ranks", get(ranks))
        // The script appends `/api/v0` to a base that ends in `/api/v1` already.
        .route("/api/v1/api/v0/products/ranks", get(ranks))
}

async fn ranks(State(app): State<Arc<App>>) -> Response {
    let live = app.live();
    cached_for_a_while(&app.metrics, &live.pages.ranks, app.clock.now(), || {
        #[derive(Serialize)]
        struct Data {
            products: Vec<Product>,
        }
        #[derive(Serialize)]
        struct Product {
            id: u64,
            name: String,
            price: u64,
            sold: u64,
        }
        let ranks = live.world.ranks(RANKS).into_iter();
        let products = ranks.map(|ranked| Product {
            id: ranked.product,
            name: format!("Product {}", ranked.product),
            price: PRODUCT_PRICE,
            sold: ranked.sold,
        });
        page(Data { products: products.collect() })
    })
}
