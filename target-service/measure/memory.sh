#!/usr/bin/env bash
# Resident memory while about a million tokens live at once, and after they have expired.
# Usage: memory.sh PROGRAM. Fails if more than 100 MB stay.
set -euo pipefail
program=$1 port=${PORT:-18081} url=http://127.0.0.1:${PORT:-18081}
here=$(dirname "$(readlink -f "$0")")
"$program" --port "$port" --admin >/dev/null &
service=$!
trap 'kill "$service" 2>/dev/null || true' EXIT
until curl -fs "$url/healthz" >/dev/null; do sleep 0.05; done

metric() { curl -fs "$url/metrics" | awk -v name="$1" '$1 == name {printf "%.0f", $2}'; }
tell() { echo "$1: $(($(metric process_resident_memory_bytes) / 1000000)) MB, $(metric ticketing_active_tokens) tokens"; }

tell "fresh"
curl -fs -XPOST "$url/admin/reset" -d '{"tokenSeconds":60}' >/dev/null
count='ticketing_requests_total{method="POST",route="/api/v1/queues",status="200"}'
until [ "$(metric "$count")" -ge 1000000 ] 2>/dev/null; do
  wrk -t1 -c50 -d2s -s "$here/queue.lua" "$url" >/dev/null
done
tell "after a million or more"
sleep 63
tell "a minute later"
[ "$(metric process_resident_memory_bytes)" -le 100000000 ]
