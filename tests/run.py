#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""`make test`: every suite, cheapest first, with its budget; the last line counts tests. Unit tests run with sanitizers,
everything that needs servers or speed on the release build. Suites run side by side, as many as keep two cores busy: each has
namespaces and a state directory of its own.

A suite is a command whose output says how many tests passed and failed (GoogleTest, pytest) or that counts as one
test by its exit status. Nothing may skip: a skipped test counts as failed.
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
import time
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field, replace
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LOGS = ROOT / "build" / "test-logs"
UNIT_TESTS = ("base_test", "net_test", "model_test", "datastore_test", "ipam_test", "policy_eval_test", "calc_test",
              "dataplane_test", "bgp_test", "gobgp_test", "workload_test", "libnetwork_test", "node_test", "calicoctl_test")


@dataclass
class Suite:
    name: str
    command: list[str]
    budget: int  # seconds; a suite over its budget is reported, a suite over three times that is ended
    needs: str = ""  # name of a suite without which this one makes no sense
    environment: dict[str, str] = field(default_factory=dict)
    cores: float = 1  # that it keeps busy
    beside_builds: bool = False  # takes one core and looks at no clock
    alone: bool = False  # measures

    @property
    def build(self) -> bool:
        return self.name.endswith("build")


CORES = 2.0


def may_start(suite: Suite, running: list[Suite]) -> bool:
    if suite.alone or any(one.alone for one in running):
        return not running
    if suite.build:
        return all(one.beside_builds for one in running)
    if any(one.build for one in running):
        return suite.beside_builds and len(running) == 1
    return sum(one.cores for one in running) + suite.cores <= CORES


def suites(soak: bool) -> list[Suite]:
    python = sys.executable
    style = [
        Suite("layers", [python, "tools/check_layers.py"], 10),
        Suite("words", [python, "tools/check_words.py"], 10),
        Suite("format", [python, "tools/check_format.py"], 30),
    ]
    build = [
        Suite("configure", ["cmake", "--preset", "release"], 30),
        Suite("build", ["cmake", "--build", "--preset", "release", "--target", "all", "system_tests"], 900, "configure"),
    ]
    units = [
        Suite("asan configure", ["cmake", "--preset", "asan"], 30),
        Suite("asan build", ["cmake", "--build", "--preset", "asan"], 900, "asan configure"),
        *[Suite(name, [f"build/asan/bin/{name}"], 60, "asan build") for name in UNIT_TESTS],
        Suite("fuzz, 10 s each", [python, "tests/fuzz/fuzz.py", "--seconds", "10"], 240, "asan build", beside_builds=True),
    ]
    system = [Suite(name, [f"build/bin/{name}"], 120, "build") for name in
              ("kernel_test", "datastore_etcd_test", "dataplane_system_test", "policy_packets_test", "bgp_speaker_test",
               "gobgp_speaker_test")]
    files = [f"tests/network/{file.name}" for file in sorted((ROOT / "tests/network").glob("test_*.py"))]
    bgp = [file for file in files if "bgp" in file]
    network = [python, "-m", "pytest", "-q"]  # waits for timers nearly all the time
    leftovers = "tests/cluster/test_e_leftovers.py"
    lives = "tests/cluster/test_i_lifecycles.py"
    product = [
        Suite("no fakes in the product", [python, "tools/check_product.py"], 10, "build"),
        Suite("one host on SQLite", [python, "-m", "pytest", "-q", "-x", "tests/system"], 240, "build"),
        Suite("BGP between hosts", [*network, *bgp], 360, "build", cores=0.5),
        Suite("between hosts", [*network, *[file for file in files if file not in bgp]], 360, "build", {"NETWORK_STATE": "/var/lib/calico-network-test-2"},
              cores=0.5),
        Suite("IPIP and WireGuard in a virtual machine", [python, "tests/vm/vm.py", "--memory", "3072", "--", "python3", "tests/vm/suites.py"], 300, "build"),
        Suite("the user's guide", [python, "-m", "pytest", "-q", "tests/guide"], 120, "build"),
        Suite("package and service on systemd", [python, "-m", "pytest", "-q", "tests/service"], 150, "build"),
        Suite("Docker tutorials and refusals", [python, "-m", "pytest", "-q", "tests/tutorials"], 120, "build"),
        Suite("cluster", [python, "-m", "pytest", "-q", "tests/cluster", f"--ignore={leftovers}", f"--ignore={lives}"], 600, "build"),
        Suite("lives of dockerd, agent, store and host", [python, "-m", "pytest", "-q", lives], 120, "build"),
        Suite("a lab leaves nothing", [python, "-m", "pytest", "-q", leftovers], 30, "build", alone=True),  # compares the whole machine
        Suite("scale", [python, "-m", "pytest", "-q", "-s", "tests/scale"], 90, "build", alone=True),
    ]
    if soak:  # one after the other
        return [replace(suite, alone=True) for suite in build + long_runs(python)]
    return style + units + build + system + product


def long_runs(python: str) -> list[Suite]:
    """`make soak`: laws with many more random cases (the seed is in the log), restarts again and again under traffic."""
    seed = str(int(time.time()))
    print(f"seed {seed}", flush=True)
    cases = {"RC_PARAMS": f"seed={seed} max_success=5000 max_size=200"}
    laws = [Suite("dev configure", ["cmake", "--preset", "dev"], 30),
            Suite("dev build", ["cmake", "--build", "--preset", "dev", "--target", "unit_tests"], 900, "dev configure"),
            *[Suite(f"{name}, 5000 cases", [f"build/dev/bin/{name}"], 900, "dev build", cases)
              for name in ("base_test", "net_test", "model_test", "calc_test", "dataplane_test", "ipam_test")]]
    restarts = Suite("20 restarts under traffic", [python, "-m", "pytest", "-q", "tests/cluster/test_a_demo.py", "tests/cluster/test_b_restart.py"],
                     1200, "build", {"CALICO_RESTARTS": "20"})
    scale = Suite("100 000 routes, 50 nodes, 500 clients, 20 000 containers", [python, "-m", "pytest", "-q", "-s", "tests/scale"], 600, "build",
                  {"SCALE_ROUTES": "100000", "SCALE_STARTS": "20", "SCALE_NODES": "50", "SCALE_BLOCKS": "300", "SCALE_CLIENTS": "500",
                   "SCALE_CONTAINERS": "20000", "SCALE_SEED": seed[-6:]})
    lives = [Suite(f"every step of Docker's protocol, {store}, 200 containers at once", [python, "-m", "pytest", "-q", "tests/cluster/test_i_lifecycles.py"],
                   900, "build", {"LIFECYCLE_STORE": store, "LIFECYCLE_CONTAINERS": "200", "LIFECYCLE_SIDES": "request,answer"})
             for store in ("etcdv3", "etcdv2")]
    packets = Suite("100 000 packets, 2 000 policy sets", ["build/bin/policy_packets_test", "--gtest_filter=PolicyDifferential.*"], 900,
                    "build", {"POLICY_SEED": seed, "POLICY_SETS": "2000"})
    opens = Suite("200 cold starts and 40 restarts of BGP", [python, "-m", "pytest", "-q", "-s", "tests/network/test_bgp_restart.py"], 900, "build",
                  {"CALICO_COLD_STARTS": "200", "CALICO_BIRD_RESTARTS": "20"})
    hang = Suite("a BIRD that hangs for long", [python, "-m", "pytest", "-q", "tests/network/test_bgp_status.py"], 300, "build", {"CALICO_LONG_HANG": "1"})
    races = [Suite("tsan configure", ["cmake", "--preset", "tsan"], 30),
             Suite("tsan build", ["cmake", "--build", "--preset", "tsan"], 1800, "tsan configure"),
             Suite("tsan unit tests", ["ctest", "--test-dir", "build/tsan", "-LE", "system", "--output-on-failure"], 600, "tsan build")]
    fuzz = [Suite("asan configure", ["cmake", "--preset", "asan"], 30),
            Suite("asan build", ["cmake", "--build", "--preset", "asan"], 900, "asan configure"),
            Suite("fuzz, 10 minutes each", [python, "tests/fuzz/fuzz.py", "--seconds", "600", "--seed", seed[-6:]], 4000, "asan build")]
    return laws + [restarts, *lives, packets, scale, hang, opens] + races + fuzz


def counts(output: str, status: int) -> tuple[int, int]:
    """(passed, failed) of one suite's output."""
    passed = sum(int(n) for n in re.findall(r"^\[  PASSED  \] (\d+) test", output, re.M))
    failed = sum(int(n) for n in re.findall(r"^ *(\d+) FAILED TESTS?$", output, re.M))
    failed += sum(int(n) for n in re.findall(r"^\[  SKIPPED \] (\d+) test", output, re.M))
    last = output.strip().splitlines()[-1] if output.strip() else ""
    for number, word in re.findall(r"(\d+) (passed|failed|error|errors|skipped)\b", last):
        passed, failed = (passed + int(number), failed) if word == "passed" else (passed, failed + int(number))
    ctest = re.search(r"(\d+)% tests passed, (\d+) tests failed out of (\d+)", output)
    if ctest:
        passed, failed = int(ctest[3]) - int(ctest[2]), int(ctest[2])
    if passed + failed == 0:
        passed = 1 if status == 0 else 0
    if status != 0 and failed == 0:
        failed = 1
    return passed, failed


def run(suite: Suite) -> tuple[int, int, float, str]:
    begin = time.monotonic()
    log = LOGS / (suite.name.replace(" ", "-") + ".log")
    environment = dict(os.environ, CLICOLOR_FORCE="0", GTEST_COLOR="no", **suite.environment)
    with open(log, "w+", errors="replace") as out:
        program = suite.command[0]
        if "/" in program and not (ROOT / program).exists():
            return 0, 1, 0.0, f"{program} does not exist"
        process = subprocess.Popen(suite.command, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT,
                                   env=environment)
        try:
            status = process.wait(suite.budget * 3)
        except subprocess.TimeoutExpired:
            process.terminate()
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
            status = -1
            out.write(f"\nended after three times its budget of {suite.budget} s\n")
        out.flush()
        out.seek(0)
        text = out.read()
    passed, failed = counts(text, status)
    return passed, failed, time.monotonic() - begin, text


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--soak", action="store_true", help="the long runs")
    parser.add_argument("--only", help="regular expression over suite names")
    options = parser.parse_args()
    LOGS.mkdir(parents=True, exist_ok=True)
    total_passed = total_failed = 0
    broken: set[str] = set()
    begin = time.monotonic()
    waiting = [suite for suite in suites(options.soak) if not options.only or re.search(options.only, suite.name)]
    threads = ThreadPoolExecutor(8)
    running: dict[Future, Suite] = {}
    while waiting or running:
        for suite in list(waiting):
            if suite.needs in broken:
                waiting.remove(suite)
                broken.add(suite.name)
                total_failed += 1
                print(f"{suite.name:28} not run: {suite.needs} failed", flush=True)
            elif not any(one.name == suite.needs for one in [*waiting, *running.values()]) and may_start(suite, list(running.values())):
                waiting.remove(suite)
                running[threads.submit(run, suite)] = suite
        for done in wait(running, return_when=FIRST_COMPLETED).done:
            suite = running.pop(done)
            passed, failed, seconds, text = done.result()
            total_passed += passed
            total_failed += failed
            over = f"  (over its budget of {suite.budget} s)" if seconds > suite.budget else ""
            print(f"{suite.name:28} {passed:5} passed {failed:4} failed {seconds:7.1f} s{over}", flush=True)
            if failed:
                broken.add(suite.name)
                print("\n".join("    " + line for line in text.strip().splitlines()[-60:]), flush=True)
    print(f"all suites took {time.monotonic() - begin:.0f} s; logs are in build/test-logs")
    print(f"{total_passed} passed, {total_failed} failed")
    return 1 if total_failed else 0


if __name__ == "__main__":
    sys.exit(main())
