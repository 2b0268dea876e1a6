#!/usr/bin/env bash
# The ticketing service as an image for Docker, from a build on this machine: one program, linked statically, on
# nothing. No other image is needed, and none is fetched.
#
# Usage: image.sh [TAG]. PROFILE, from the environment, is the profile of the build, `release` if not said.
set -euo pipefail
cd "$(dirname "$0")/.."
tag=${1:-loadtest/ticketing:local} profile=${PROFILE:-release}
target=$(rustc --print host-tuple)
case $target in
    *-linux-*) ;;
    *)
        echo "this makes programs for $target, and containers run Linux; use target-service/Dockerfile" >&2
        exit 1
        ;;
esac

# The target is named, or build scripts and macros would be linked statically as well, which they cannot be.
RUSTFLAGS="-C target-feature=+crt-static -C strip=symbols" \
    cargo build --quiet --locked --package ticketing --profile "$profile" --target "$target"

# The folder of the `dev` profile has another name.
[ "$profile" = dev ] && folder=debug || folder=$profile
context=$(mktemp -d)
trap 'rm -rf "$context"' EXIT
cp "${CARGO_TARGET_DIR:-target}/$target/$folder/ticketing" "$context"
docker build --quiet --tag "$tag" --file target-service/Dockerfile.scratch "$context"
