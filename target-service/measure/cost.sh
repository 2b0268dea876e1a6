#!/usr/bin/env bash
# CPU of the service for each POST /api/v1/queues: the service alone on core 0, wrk alone on core 1.
# Usage: cost.sh PROGRAM [SECONDS] [ROUNDS]. The least of the rounds is the one least disturbed.
set -euo pipefail
program=$1 seconds=${2:-5} rounds=${3:-5} port=${PORT:-18080}
here=$(dirname "$(readlink -f "$0")")

for _ in $(seq "$rounds"); do
  taskset -c 0 "$program" --port "$port" --admin >/dev/null &
  service=$!
  trap 'kill $service 2>/dev/null || true' EXIT
  until curl -fs "http://127.0.0.1:$port/healthz" >/dev/null; do sleep 0.05; done
  # Nanoseconds on a core, of all its threads.
  cpu() { awk "{sum += \$1} END {print sum}" /proc/$service/task/*/schedstat; }
  before=$(cpu)
  requests=$(taskset -c 1 wrk -t1 -c50 -d"${seconds}s" -s "$here/queue.lua" "http://127.0.0.1:$port" |
    awk '/requests in/ {print $1}')
  after=$(cpu)
  kill "$service"; wait "$service" 2>/dev/null || true
  awk -v t=$((after - before)) -v n="$requests" -v s="$seconds" \
    'BEGIN {printf "%.2f µs of CPU a request, %d requests a second\n", t / n / 1e3, n / s}'
done | sort -n
