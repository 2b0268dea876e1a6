#!/usr/bin/env bash
# CPU of the service for each request: the service alone on core 0, wrk alone on core 1.
# Usage: cost.sh PROGRAM… ; WHAT (`queue` for POST /api/v1/queues, `reservation` for POST /api/v1/reservations),
# SECONDS_EACH and ROUNDS from the environment. Several programs take turns, so that
# what disturbs the machine disturbs them alike; the least of the rounds is the one least disturbed.
set -euo pipefail
what=${WHAT:-queue} seconds=${SECONDS_EACH:-3} rounds=${ROUNDS:-7} port=${PORT:-18080}
here=$(dirname "$(readlink -f "$0")")
service=
trap '[ -z "$service" ] || kill "$service" 2>/dev/null || true' EXIT

# Nanoseconds on a core, of all threads.
cpu() { awk '{sum += $1} END {printf "%.0f", sum}' /proc/"$service"/task/*/schedstat; }

measure() {
  taskset -c 0 "$1" --port "$port" --admin >/dev/null &
  service=$!
  until curl -fs "http://127.0.0.1:$port/healthz" >/dev/null; do sleep 0.05; done
  local before requests after tokens=()
  if [ "$what" = reservation ]; then
    for user in $(seq 50); do
      tokens+=("$(curl -fsS -XPOST "http://127.0.0.1:$port/api/v1/queues" -d "{\"userId\":$user}" |
        sed 's/.*"token":"\([0-9a-f]*\)".*/\1/')")
    done
  fi
  before=$(cpu)
  requests=$(taskset -c 1 wrk -t1 -c50 -d"${seconds}s" -s "$here/$what.lua" "http://127.0.0.1:$port" -- "${tokens[@]}" |
    awk '/requests in/ {print $1}')
  after=$(cpu)
  kill "$service"
  wait "$service" 2>/dev/null || true
  service=
  awk -v p="$1" -v t=$((after - before)) -v n="$requests" -v s="$seconds" \
    'BEGIN {printf "%s %.2f %d\n", p, t / n / 1e3, n / s}'
}

for _ in $(seq "$rounds"); do
  for program in "$@"; do measure "$program"; done
done | sort -k1,1 -k2,2n | awk '
  $1 != last {last = $1; n = 0; order[++programs] = $1}
  {cost[$1, ++n] = $2; rate[$1] = $3 > rate[$1] ? $3 : rate[$1]; count[$1] = n}
  END {
    for (i = 1; i <= programs; i++) {
      p = order[i]
      printf "%s: least %.2f, median %.2f µs of CPU a request; at most %d requests a second\n",
        p, cost[p, 1], cost[p, int((count[p] + 1) / 2)], rate[p]
    }
  }'
