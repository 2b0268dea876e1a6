#!/usr/bin/env python3
"""CPU per request, throughput and peak memory of loadtest beside wrk, oha, hey and k6.

Generator and service have a core each; the tools run in turn, round after round, so that a machine whose
speed drifts is the same for all. Printed are medians, and ratios to wrk taken round by round. Every tool sends
the POST of the queue scenario; loadtest and k6 do what the scenario says (a body of each user's own, the token
taken from a header, the answer judged), the others send a fixed body.

Beside them stands the floor: a loop in C (`floor.c`) that sends and receives, and does nothing else. What it costs
is the kernel's, which every client pays that sends one request at a time over a connection.

All of it against two services. `bare.c` answers at once and does nothing else, so that each tool is at its own limit:
that is what a request costs a generator. The bundled service takes longer than most tools, which so have to wait for
it again and again; each wait is a system call more, and the faster a tool is the more often it waits.

    bench/compare.py [--rounds 5] [--seconds 8] [--users 50] [--tools wrk,loadtest,...] [--services bare,bundled]
"""

import argparse
import json
import os
import re
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(HERE)
LOADTEST = os.path.join(ROOT, "target", "release", "loadtest")
FLOOR = os.path.join(ROOT, "target", "floor")
BARE = os.path.join(ROOT, "target", "bare")
SERVICE_CORE, GENERATOR_CORE = "0", "1"
BODY = '{"userId":1}'

WRK_SCRIPT = f"""wrk.method = "POST"
wrk.body = '{BODY}'
wrk.headers["Content-Type"] = "application/json"
"""

SCENARIO = """name: bench-queue
target: bundled
load: { users: __USERS__, duration: __SECONDS__s, graceful_stop: 1s }
flow:
  - name: issue token
    post: /api/v1/queues
    json: { userId: "${ user.id }" }
    capture:
      token: header("Queue-Token-Queue-Id")
"""

K6_SCRIPT = """import http from 'k6/http';
import { check } from 'k6';
export const options = { vus: __USERS__, duration: '__SECONDS__s' };
const params = { headers: { 'Content-Type': 'application/json' } };
export default function () {
  const answer = http.post('__URL__/api/v1/queues', JSON.stringify({ userId: __VU }), params);
  const token = answer.headers['Queue-Token-Queue-Id'];
  check(answer, { 'token issued': (r) => r.status === 200 && token !== undefined });
}
"""


def needs(tool):
    """The program that has to be installed for a tool; none for our own."""
    return {"loadtest": None, "floor": "cc"}.get(tool, tool)


def commands(url, users, seconds, folder):
    """The command of each tool, and how its count of requests is read from what it prints."""
    script = os.path.join(folder, "post.lua")
    with open(script, "w") as file:
        file.write(WRK_SCRIPT)
    k6 = os.path.join(folder, "post.js")
    with open(k6, "w") as file:
        text = K6_SCRIPT.replace("__USERS__", str(users)).replace("__SECONDS__", str(seconds))
        file.write(text.replace("__URL__", url))
    scenario = os.path.join(folder, "queue.yaml")
    with open(scenario, "w") as file:
        file.write(SCENARIO.replace("__USERS__", str(users)).replace("__SECONDS__", str(seconds)))
    path = url + "/api/v1/queues"
    header = "Content-Type: application/json"
    return {
        "wrk": (["wrk", "-t1", f"-c{users}", f"-d{seconds}s", "-s", script, path],
                lambda out: int(re.search(r"(\d+) requests in", out)[1])),
        "loadtest": ([LOADTEST, "run", scenario, "--target", url, "--workers", "1", "--out", folder, "--quiet"],
                     lambda _: loadtest_requests(folder)),
        "oha": (["oha", "--no-tui", "-c", str(users), "-z", f"{seconds}s", "-m", "POST", "-d", BODY, "-H", header,
                 "--output-format", "json", path],
                lambda out: sum(json.loads(out)["statusCodeDistribution"].values())),
        "hey": (["hey", "-c", str(users), "-z", f"{seconds}s", "-cpus", "1", "-m", "POST", "-d", BODY, "-T",
                 "application/json", path],
                lambda out: int(re.search(r"\[200\]\s+(\d+) responses", out)[1])),
        "k6": (["k6", "run", "--quiet", "--no-usage-report", k6],
               lambda out: int(re.search(r"http_reqs[. ]*:\s+(\d+)", out)[1])),
        "floor": ([FLOOR, url.rpartition(":")[2], str(users), str(seconds), BODY], int),
    }


def loadtest_requests(folder):
    with open(os.path.join(folder, "bench-queue", "latest", "result.json")) as file:
        result = json.load(file)
    return sum(row["success"] for row in result["rows"])


def peak_resident(pid):
    """The most memory a process has had resident so far, in KiB; 0 once it has ended."""
    try:
        with open(f"/proc/{pid}/status") as file:
            return next((int(line.split()[1]) for line in file if line.startswith("VmHWM:")), 0)
    except OSError:
        return 0


def timed(command):
    """Runs a command on the generator's core: its output, CPU seconds, and peak memory in KiB."""
    peak = 0
    with tempfile.TemporaryFile("w+") as out:
        child = subprocess.Popen(["taskset", "-c", GENERATOR_CORE, *command], stdout=out, stderr=subprocess.STDOUT)
        # `ru_maxrss` would not do: it begins with what this script had resident when it made the process.
        while not os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT):
            peak = max(peak, peak_resident(child.pid))
            time.sleep(0.05)
        _, status, usage = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(status)
        out.seek(0)
        text = out.read()
    if child.returncode not in (0, 97):
        sys.exit(f"{' '.join(command)} ended with {child.returncode}:\n{text}")
    return text, usage.ru_utime + usage.ru_stime, peak


SERVICES = {"bare": [BARE], "bundled": [LOADTEST, "target", "--port", "0", "--admin"]}


def service(name="bundled"):
    child = subprocess.Popen(["taskset", "-c", SERVICE_CORE, *SERVICES[name]],
                             stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    return child, child.stdout.readline().strip().removeprefix("listening on ")


def median_and_range(values, digits=2):
    low, high = min(values), max(values)
    return f"{statistics.median(values):.{digits}f} ({low:.{digits}f}–{high:.{digits}f})"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=8)
    parser.add_argument("--users", type=int, default=50)
    parser.add_argument("--tools", default="floor,wrk,loadtest,oha,hey,k6")
    parser.add_argument("--services", default="bare,bundled")
    args = parser.parse_args()
    services = args.services.split(",")
    if not set(services) <= set(SERVICES):
        sys.exit(f"--services takes {' and '.join(SERVICES)}")
    if not os.path.exists(LOADTEST):
        sys.exit("build it first: cargo build --release")
    wanted = [tool for tool in args.tools.split(",") if needs(tool) is None or shutil.which(needs(tool))]
    missing = [tool for tool in args.tools.split(",") if tool not in wanted]
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    made = [FLOOR] if "floor" in wanted else []
    for program in made + ([BARE] if "bare" in services else []):
        source = os.path.join(HERE, os.path.basename(program) + ".c")
        subprocess.run(["cc", "-O2", "-o", program, source], check=True)
    seen = {(name, tool): {"cpu": [], "rate": [], "memory": []} for name in services for tool in wanted}
    for number in range(args.rounds):
        for (name, tool), figures in seen.items():
            # A fresh service each time: what one tool left behind is no burden to the next.
            child, url = service(name)
            with tempfile.TemporaryDirectory() as folder:
                command, count = commands(url, args.users, args.seconds, folder)[tool]
                text, cpu, memory = timed(command)
                requests = count(text)
            child.terminate()
            child.wait()
            figures["cpu"].append(cpu / requests * 1e6)
            figures["rate"].append(requests / args.seconds)
            figures["memory"].append(memory / 1024)
            print(f"round {number + 1}  {name:<8}{tool:<9}{cpu / requests * 1e6:7.2f} µs/request  "
                  f"{requests / args.seconds:9.0f} requests/s  {memory / 1024:7.1f} MiB", flush=True)
            time.sleep(0.5)
    for name in services:
        print(f"\n{name} service, {args.users} users, {args.rounds} rounds of {args.seconds} s: median (least–most)")
        for tool in wanted:
            figures = seen[name, tool]
            line = f"{tool:<9} CPU/request µs {median_and_range(figures['cpu'])}"
            for base in [base for base in ("wrk", "oha") if base in wanted]:
                ratios = [own / other for own, other in zip(figures["cpu"], seen[name, base]["cpu"])]
                line += f" = {median_and_range(ratios)} × {base}"
            line += f"   requests/s {median_and_range(figures['rate'], 0)}"
            line += f"   peak MiB {median_and_range(figures['memory'], 1)}"
            print(line)
    for tool in missing:
        print(f"{tool:<9} not installed")


if __name__ == "__main__":
    main()
