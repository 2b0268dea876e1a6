//! The command of the documentation that starts the service on its servers, run with the addresses of the tests'.

#![expect(clippy::unwrap_used, reason = "what goes wrong here fails a test, which is what it is for")]

use crate::calls::until;
use crate::losses::Program;
use crate::servers;

#[tokio::test]
async fn the_command_of_the_page_starts_it() {
    let Some(servers) = servers::fresh("the_command_of_the_page_starts_it").await else { return };
    let page = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/ticketing.md");
    let page = std::fs::read_to_string(page).unwrap();
    let line =
        page.lines().find_map(|line| line.strip_prefix("cargo run --release -p ticketing -- ")).unwrap();
    let arguments = line.split(' ').map(|word| match word {
        word if word.starts_with("mysql://") => &servers.database,
        word if word.starts_with("redis://") => &servers.cache,
        "8080" => "0",
        word => word,
    });
    let service = Program::start_with(arguments);
    until(service.address, "/readyz", 200).await;
    until(service.address, "/admin/audit", 200).await;
}
