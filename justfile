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

# Five minutes of inputs that nobody would write: files, expressions, and the program with little memory.
fuzz seconds="300":
    FUZZ_SECONDS={{ seconds }} cargo test --locked --test fuzz -- --test-threads 4 --nocapture

# The ticketing service as the image loadtest/ticketing:local, from a build on this machine.
image:
    target-service/image.sh

# Beside wrk, oha, hey and k6 (those that are installed): CPU per request, throughput, memory.
bench:
    cargo build --release --locked
    bench/compare.py

# What a request costs the generator, piece by piece; with a filter behind it only some: `just bench-micro response`.
bench-micro *filter:
    cargo bench --bench hot_path --locked -- {{ filter }}

# Where the generator itself ends: memory per user, many users, two workers, large files, start, lateness.
bench-limits *options:
    cargo build --release --locked
    bench/limits.py {{ options }}

# Ten minutes at full speed: does memory stay flat?
soak *options:
    cargo build --release --locked
    bench/soak.py {{ options }}
