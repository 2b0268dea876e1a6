#!/usr/bin/env python3
"""Where loadtest itself ends: memory per user, ten thousand users, two workers, large files, start, lateness.

Each measurement is repeated, round after round; printed are the median and the range of the rounds, and beside
it what the design promises, where it promises something. Everything stays on the loopback.

    bench/limits.py [--rounds 3] [--seconds 6] [--only memory,users,workers,validate,start,lateness]

The generator and the bundled service have a core each where there are two or more. Exit code 1: a promise was
not kept, or a run had faults of its own.
"""

import argparse
import contextlib
import json
import os
import resource
import selectors
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time

sys.dont_write_bytecode = True
from compare import LOADTEST, median_and_range  # noqa: E402

CORES = sorted(os.sched_getaffinity(0))
PAGE = resource.getpagesize()
# Behind its planned end a run may take this long to stop, to be judged and to be written.
AFTER_THE_LOAD = 60
# The verdict on load and target is not what is measured here: a suspect or a late run is still a measurement.
ENDED_BY_ITSELF = (0, 97, 99)

SCENARIO = """name: limits
load: __LOAD__
flow:
  - name: issue token
    post: /api/v1/queues
    json: { userId: "${ user.id }" }
    capture:
      token: header("Queue-Token-Queue-Id")
"""

BIG_FILE_HEAD = """name: big
target: http://127.0.0.1:8080
load: { users: 1, duration: 1s }
flow:
  - name: issue token
    post: /api/v1/queues
    json: { userId: "${ user.id }" }
    capture: { got_0: header("Queue-Token-Queue-Id") }
"""

# Each step uses what the one before captured, so that names are looked up among very many.
BIG_FILE_STEP = """  - name: reserve seat {n}
    post: /api/v1/schedules/{n}/reservations
    headers: {{ Queue-Token-Queue-Id: "${{ got_{before} }}" }}
    json: {{ scheduleId: {n}, seatId: "${{ user.id % 50 + 1 }}" }}
    expect:
      business:
        seat taken: status == 409 and json.error == "SEAT_TAKEN"
      checks:
        it is held: json.data.status == "HELD"
    on_business: stop
    capture: {{ got_{n}: json.data.reservationId }}
"""

BIG_FILE_TAIL = """  - name: pay
    post: /api/v1/payments
    json: {{ reservationId: "${{ got_{before} }}" }}
"""

ONE_REQUEST = """name: first
target: __URL__
load: { users: 1, iterations: 1 }
flow:
  - get: /
"""

broken = []


def pinned(cores, command):
    return ["taskset", "-c", ",".join(str(core) for core in cores), *command]


def service_cores():
    return CORES[:1]


def generator_cores(workers):
    """Cores beside the service's own; all there are where those are too few."""
    beside = CORES[1:1 + workers]
    return beside if len(beside) == workers else CORES


@contextlib.contextmanager
def service():
    """The bundled service in a process of its own. A fresh one for each run: nobody pays for another's leavings."""
    command = pinned(service_cores(), [LOADTEST, "target", "--port", "0", "--admin"])
    child = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    try:
        yield child.stdout.readline().strip().removeprefix("listening on ")
    finally:
        child.terminate()
        child.wait()


def resident(pid):
    """Resident memory of a process in bytes; none once it has ended."""
    try:
        with open(f"/proc/{pid}/statm") as file:
            return int(file.read().split()[1]) * PAGE
    except (OSError, IndexError):
        return None


def run(load, seconds, workers=1, think=None, extra=(), cores=None):
    """Runs a load against a fresh service: its result, and what the system says it took."""
    with tempfile.TemporaryDirectory() as folder, service() as url:
        path = os.path.join(folder, "limits.yaml")
        with open(path, "w") as file:
            file.write(SCENARIO.replace("__LOAD__", load) + (f"  - think: {think}\n" if think else ""))
        command = [LOADTEST, "run", path, "--target", url, "--workers", str(workers), "--out", folder, "--quiet",
                   *extra]
        with tempfile.TemporaryFile("w+") as out:
            child = subprocess.Popen(pinned(cores or generator_cores(workers), command), stdout=out, stderr=out)
            began, samples = time.monotonic(), []
            while True:
                # Not reaped by this look, so that `wait4` still has what it used.
                if os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT):
                    break
                now = time.monotonic() - began
                if now > seconds + AFTER_THE_LOAD:
                    child.send_signal(signal.SIGKILL)
                # The second half of the load: everybody has come, and nobody has left.
                if seconds / 2 < now < seconds * 0.95:
                    samples.append(resident(child.pid))
                time.sleep(0.1)
            _, status, usage = os.wait4(child.pid, 0)
            child.returncode = os.waitstatus_to_exitcode(status)
            out.seek(0)
            said = out.read()
        if child.returncode not in ENDED_BY_ITSELF:
            sys.exit(f"{' '.join(command)} ended with {child.returncode}:\n{said}")
        with open(os.path.join(folder, "limits", "latest", "result.json")) as file:
            result = json.load(file)
    memory = statistics.median(sample for sample in samples if sample) if any(samples) else None
    return {"result": result, "code": child.returncode, "cpu": usage.ru_utime + usage.ru_stime, "memory": memory,
            "pushed_aside": usage.ru_nivcsw}


def promise(text, kept):
    """What goes behind a figure: the promise, and whether it was kept."""
    if not kept:
        broken.append(text)
    return f"{text}: {'kept' if kept else 'NOT KEPT'}"


def line(name, values, unit, digits=2, behind=""):
    print(f"  {name:<48}{median_and_range(values, digits)} {unit}{'   ' + behind if behind else ''}", flush=True)


def memory(args):
    print("Memory per user with an open connection, in KiB: (at 5,000 users − at 50) / 4,950, without the kernel's")
    for name, think in [("at full speed", None), ("with a think time of 1 s", "1s")]:
        while_running, peak = [], []
        for _ in range(args.rounds):
            seen = {users: run(f"{{ users: {users}, duration: {args.seconds}s, graceful_stop: 5s }}", args.seconds,
                               think=think) for users in (50, 5000)}
            few, many = seen[50], seen[5000]
            while_running.append((many["memory"] - few["memory"]) / 4950 / 1024)
            growth = peak_of(many) - peak_of(few)
            peak.append(growth / 4950 / 1024)
        line(f"{name}, while running", while_running, "KiB")
        line(f"{name}, at its peak", peak, "KiB", behind=promise("under 10", statistics.median(peak) < 10))


def peak_of(seen):
    return seen["result"]["generator"]["peak_rss_bytes"]


def users(args):
    print("10,000 users within 10 s, each with a think time of 1 s")
    codes, faults, failures, rates, late = [], [], [], [], []
    for _ in range(args.rounds):
        load = "{ stages: [{ duration: 10s, target: 10000 }, { duration: 5s, target: 10000 }], graceful_stop: 5s }"
        seen = run(load, 15, think="1s")
        result = seen["result"]
        codes.append(seen["code"])
        faults.append(sum(fault["count"] for fault in result["own_faults"]))
        failures.append(result["totals"]["failure"])
        rates.append(result["totals"]["rate_per_s"])
        late.append(result["generator"]["lateness_p99_ms"])
        for fault in result["own_faults"]:
            print(f"    {fault['name']}: {fault['count']}")
        for cause in result["causes"]:
            print(f"    {cause['cause']}: {cause['count']}")
        for reason in result["validity"]["reasons"]:
            print(f"    {result['validity']['verdict']}: {reason}")
    line("exit code", codes, "", 0)
    line("faults of our own", faults, "", 0, promise("none", not any(faults)))
    line("failures", failures, "", 0)
    line("requests", rates, "/s", 0)
    line("lateness p99", late, "ms", 3)


def workers(args):
    print("CPU per request with two workers against one, at full speed, both on one core beside the service")
    # A worker finds the more to do at each wake the more users it has. So the workers are compared with as many
    # users each; with the users of one dealt out to two, each wakes for less.
    loads = {"one worker, 50 users": (1, 50), "two workers, 50 users each": (2, 100), "two workers, 25 users each": (2, 50)}
    cpu, rate = {name: [] for name in loads}, {name: [] for name in loads}
    for _ in range(args.rounds):
        for name, (count, users) in loads.items():
            load = f"{{ users: {users}, duration: {args.seconds}s, graceful_stop: 1s }}"
            seen = run(load, args.seconds, workers=count, cores=CORES[1:2] or CORES)
            requests = sum(row["success"] for row in seen["result"]["rows"])
            cpu[name].append(seen["cpu"] / requests * 1e6)
            rate[name].append(requests / args.seconds)
    for name in loads:
        line(f"{name}, CPU per request", cpu[name], "µs")
        line(f"{name}, throughput", rate[name], "requests/s", 0)
    base = cpu["one worker, 50 users"]
    for name in list(loads)[1:]:
        ratios = [two / one for two, one in zip(cpu[name], base)]
        behind = promise("at most 1.1", statistics.median(ratios) <= 1.1) if "50 users each" in name else ""
        line(f"{name}, against one", ratios, "×", behind=behind)


def cpu_of_children():
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def big_file(steps):
    between = "".join(BIG_FILE_STEP.format(n=n, before=n - 1) for n in range(1, steps - 1))
    return BIG_FILE_HEAD + between + BIG_FILE_TAIL.format(before=steps - 2)


def validate(args):
    print("`validate` of a generated file: the whole process, from start to end")
    rounds = max(args.rounds, 5) * 2
    with tempfile.TemporaryDirectory() as folder:
        files = {steps: os.path.join(folder, f"{steps}.yaml") for steps in (2, 1000, 5000)}
        took, used = {steps: [] for steps in files}, {steps: [] for steps in files}
        for steps, path in files.items():
            with open(path, "w") as file:
                file.write(big_file(steps))
        for _ in range(rounds):
            for steps, path in files.items():
                began, before = time.perf_counter(), cpu_of_children()
                child = subprocess.run([LOADTEST, "validate", path], capture_output=True, text=True, timeout=120)
                took[steps].append((time.perf_counter() - began) * 1e3)
                used[steps].append((cpu_of_children() - before) * 1e3)
                if child.returncode != 0 or child.stderr:
                    sys.exit(f"the file of {steps} steps has findings:\n{child.stderr[:2000]}")
        sizes = {steps: os.path.getsize(path) for steps, path in files.items()}
    for steps, times in took.items():
        kept = promise("under 50", statistics.median(times) < 50) if steps == 1000 else ""
        cpu = f"of CPU {statistics.median(used[steps]):.1f} ms"
        line(f"{steps:,} steps ({sizes[steps] / 1024:,.0f} KiB)", times, "ms", 1, f"{cpu}   {kept}".rstrip())


class TinyServer(threading.Thread):
    """Answers one request and says when it came. A connection without one (is anybody there?) does not count."""

    ANSWER = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"

    def __init__(self):
        super().__init__(daemon=True)
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self.listener.getsockname()[1]}"
        self.connected = self.requested = None

    def run(self):
        waiting = selectors.DefaultSelector()
        waiting.register(self.listener, selectors.EVENT_READ)
        while self.requested is None:
            for key, _ in waiting.select(timeout=10) or sys.exit("no request came"):
                now = time.perf_counter()
                if key.fileobj is self.listener:
                    self.connected = self.connected or now
                    connection, _ = self.listener.accept()
                    waiting.register(connection, selectors.EVENT_READ)
                elif key.fileobj.recv(65536):
                    self.requested = now
                    key.fileobj.sendall(self.ANSWER)
                else:
                    waiting.unregister(key.fileobj)
                    key.fileobj.close()
        self.listener.close()


def start(args):
    print("From the start of the process to the first request at the server, and to its end")
    connected, requested, ended = [], [], []
    for _ in range(max(args.rounds, 5) * 2):
        server = TinyServer()
        server.start()
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "first.yaml")
            with open(path, "w") as file:
                file.write(ONE_REQUEST.replace("__URL__", server.url))
            began = time.perf_counter()
            child = subprocess.run([LOADTEST, "run", path, "--quiet", "--out", folder], capture_output=True,
                                   text=True, timeout=60)
            ended.append((time.perf_counter() - began) * 1e3)
        if child.returncode != 0:
            sys.exit(child.stdout + child.stderr)
        server.join()
        connected.append((server.connected - began) * 1e3)
        requested.append((server.requested - began) * 1e3)
    line("the first connection (is the target there?)", connected, "ms", 1)
    line("the first request", requested, "ms", 1, promise("under 30", statistics.median(requested) < 30))
    line("the end of the process, result written", ended, "ms", 1)


def lateness(args):
    print("How late the generator begins what is due (p99), one worker")
    print("  (pushed aside: how often the system gave the generator's core to somebody else; median of rounds)")
    loads = [(spacing, rate) for spacing in ("uniform", "poisson") for rate in (1000, 5000, 20000)]
    seen = {load: [] for load in loads}
    for _ in range(args.rounds):
        for spacing, rate in loads:
            load = (f"{{ rate: {rate}/s, duration: {args.seconds}s, arrivals: {spacing}, max_users: 2000, "
                    "graceful_stop: 2s }")
            seen[spacing, rate].append(run(load, args.seconds, extra=("--seed", "7")))
    for (spacing, rate), runs in seen.items():
        generators = [run["result"]["generator"] for run in runs]
        scenarios = [run["result"]["scenarios"][0] for run in runs]
        latest = max(scenario["lateness"]["max_ms"] for scenario in scenarios)
        cpu = statistics.median(generator["cpu_share"] for generator in generators) * 100
        aside = statistics.median(run["pushed_aside"] for run in runs)
        dropped = max(scenario["dropped"] for scenario in scenarios)
        behind = f"latest {latest:.2f} ms, CPU {cpu:.0f}%, pushed aside {aside:.0f}×"
        behind += f", dropped up to {dropped:,}" if dropped else ""
        line(f"{rate:,}/s {spacing}", [generator["lateness_p99_ms"] for generator in generators], "ms", 3, behind)


MEASUREMENTS = {"memory": memory, "users": users, "workers": workers, "validate": validate, "start": start,
                "lateness": lateness}


def raise_open_files():
    """Ten thousand users have ten thousand files open, and so has the service."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    if hard != resource.RLIM_INFINITY and hard < 11_000:
        print(f"at most {hard} open files are allowed here: what needs more will say so", file=sys.stderr)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=int, default=6, help="of load in each run")
    parser.add_argument("--only", default=",".join(MEASUREMENTS))
    args = parser.parse_args()
    wanted = args.only.split(",")
    unknown = [name for name in wanted if name not in MEASUREMENTS]
    if unknown:
        parser.error(f"there is no {', '.join(unknown)}: choose from {', '.join(MEASUREMENTS)}")
    if not os.path.exists(LOADTEST):
        sys.exit("build it first: cargo build --release")
    raise_open_files()
    print(f"{len(CORES)} cores, {args.rounds} rounds of {args.seconds} s: median (least–most)")
    for name in wanted:
        MEASUREMENTS[name](args)
    if broken:
        sys.exit(f"not kept: {', '.join(broken)}")


if __name__ == "__main__":
    main()
