#!/usr/bin/env python3
"""Minutes at full speed: does the generator's memory stay flat, and how large do the files of a run get?

Fifty users ask the bundled service, both on the loopback, for successes, refusals and failures, so that each
kind of histogram is filled. Resident memory is read from /proc every second; what is printed is how much it
grew after the first minute (of a shorter soak, after its first quarter: the median of the next quarter of what
is left against that of its last), and what `result.json` and `latency.hlog` would take for a day.

    bench/soak.py [--seconds 600] [--users 50] [--most 5]

Exit code 1: the memory grew by more than `--most` percent.
"""

import argparse
import json
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time

sys.dont_write_bytecode = True
from compare import LOADTEST  # noqa: E402
from limits import AFTER_THE_LOAD, generator_cores, pinned, raise_open_files, resident, service  # noqa: E402

DAY = 24 * 3600

# Nothing here makes the service remember more: its memory would grow, and its answers would get slower. The
# fifty seats are taken at once and stay taken.
SCENARIO = """name: soak
target: __URL__
load: { users: __USERS__, duration: __SECONDS__s, graceful_stop: 5s }
setup:
  - post: /admin/reset
    json: { seats: 50, holdSeconds: 1000000, tokenSeconds: 1000000 }
on_start:
  - name: issue token
    post: /api/v1/queues
    json: { userId: "${ user.id }" }
    capture: { token: header("Queue-Token-Queue-Id") }
flow:
  - name: reserve seat
    post: /api/v1/reservations
    headers: { Queue-Token-Queue-Id: "${ token }" }
    json: { scheduleId: 1, seatId: "${ random_int(1, 50) }" }
    expect:
      business:
        seat taken: status == 409 and json.error == "SEAT_TAKEN"
  - name: look at the balance
    get: /api/v1/users/${ user.id }/balance
    capture: { amount: json.data.amount }
  - name: look for what is not there
    get: /api/v1/orders/999999999
    chance: 5%
    on_failure: continue
  - check:
      the balance is known: amount != null
thresholds:
  failures: [rate < 50%]
"""


def watch(child, seconds):
    """Resident memory of the child at each second of its load, in bytes."""
    began, samples = time.monotonic(), []
    # Not reaped by this look, so that `communicate` still has its exit code.
    while not os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT):
        now = time.monotonic() - began
        if now > seconds + AFTER_THE_LOAD:
            child.send_signal(signal.SIGKILL)
            break
        if now < seconds:
            samples.append(resident(child.pid) or 0)
            if len(samples) % max(1, seconds // 20) == 0:
                print(f"  {len(samples):>6} s   {samples[-1] / 2**20:8.2f} MiB", flush=True)
        time.sleep(max(0.0, began + len(samples) + (0 if now < seconds else 1) - time.monotonic()))
    return samples


def size(value):
    """Bytes of a value the way `result.json` is written."""
    return len(json.dumps(value, indent=2, ensure_ascii=False).encode())


def megabytes(count):
    return f"{count / 1e6:,.2f} MB"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=int, default=600)
    parser.add_argument("--users", type=int, default=50)
    parser.add_argument("--most", type=float, default=5.0, help="percent that memory may grow")
    args = parser.parse_args()
    if args.seconds < 20:
        parser.error("less than 20 seconds show nothing")
    if not os.path.exists(LOADTEST):
        sys.exit("build it first: cargo build --release")
    raise_open_files()
    settled = min(60, args.seconds // 4)
    with tempfile.TemporaryDirectory() as folder, service() as url:
        path = os.path.join(folder, "soak.yaml")
        text = SCENARIO.replace("__URL__", url).replace("__USERS__", str(args.users))
        with open(path, "w") as file:
            file.write(text.replace("__SECONDS__", str(args.seconds)))
        command = [LOADTEST, "run", path, "--workers", "1", "--quiet", "--out", folder]
        child = subprocess.Popen(pinned(generator_cores(1), command), stdout=subprocess.PIPE,
                                 stderr=subprocess.STDOUT, text=True)
        try:
            samples = watch(child, args.seconds)
        finally:
            # Also where the soak is given up: nothing goes on behind it.
            if child.poll() is None:
                child.kill()
            said, _ = child.communicate()
        if child.returncode not in (0, 97):
            sys.exit(f"the run ended with {child.returncode}:\n{said}")
        latest = os.path.join(folder, "soak", "latest")
        sizes = {name: os.path.getsize(os.path.join(latest, name)) for name in ("result.json", "latency.hlog")}
        with open(os.path.join(latest, "result.json")) as file:
            result = json.load(file)

    totals = result["totals"]
    print(f"{args.seconds} s, {args.users} users, one worker: {totals['rate_per_s']:,.0f} requests/s, "
          f"{totals['success']:,} successes, {totals['business']:,} refusals, {totals['failure']:,} failures")
    # Recorders come and go every second, and memory with them: a single sample at either end decides nothing.
    after = samples[settled:]
    window = len(after) // 4
    first, last = statistics.median(after[:window]), statistics.median(after[-window:])
    growth = (last / first - 1) * 100
    slope = statistics.linear_regression(range(len(after)), after).slope * 3600
    print(f"memory behind the first {settled} s {first / 2**20:.2f} MiB, at the end {last / 2**20:.2f} MiB, "
          f"most {max(samples) / 2**20:.2f} MiB: {growth:+.2f}% (at most {args.most:g}%); "
          f"a straight line through all of it rises {slope / 2**20:+.2f} MiB an hour")

    # Of result.json only the columns of the series grow with time.
    series = size(result["series"])
    whole = size(result)
    a_day = {"result.json": sizes["result.json"] * ((whole - series) + series * DAY / args.seconds) / whole,
             "latency.hlog": sizes["latency.hlog"] * DAY / args.seconds}
    for name, bytes_now in sizes.items():
        print(f"{name:<13}{megabytes(bytes_now)}, for a day {megabytes(a_day[name])}")
    if growth > args.most:
        sys.exit(f"memory grew by {growth:.2f}%, more than {args.most:g}%")


if __name__ == "__main__":
    main()
