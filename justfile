# What CI runs, and what a developer runs before a commit: `just ci`.

default: ci

ci: fmt clippy test doc deny

fmt:
    cargo fmt --all --check

clippy:
    cargo clippy --workspace --all-targets --locked -- -D warnings

test:
    cargo test --workspace --locked

doc:
    RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps --document-private-items --locked

# Licences, advisories and sources of the dependencies.
deny:
    cargo deny --locked check bans licenses sources

# Beside wrk, oha, hey and k6 (those that are installed): CPU per request, throughput, memory.
bench:
    bench/compare.py

# Ten minutes at full speed: does memory stay flat?
soak:
    bench/soak.sh
