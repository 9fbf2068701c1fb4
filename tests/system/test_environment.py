# SPDX-License-Identifier: Apache-2.0
"""docs/reference/environment.md says of every environment variable of both eras what becomes of it, and each row names
a test that exists and speaks of the variable, or says why the variable has no effect."""

import os
import re
import subprocess
from collections import Counter
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
LIST = ROOT / "testdata/environment/variables.txt"
PAGE = ROOT / "docs/reference/environment.md"
FOLDERS = {"node_test": "src/apps/node", "libnetwork_test": "src/apps/libnetwork", "calicoctl_test": "src/apps/calicoctl",
           "datastore_test": "src/datastore"}
TEST = re.compile(r"`(\w+_test) (\w+)\.(\w+)`|`(tests/[\w/]+\.py)::(\w+)`")


def listed() -> dict[str, str]:
    """Variable -> era."""
    lines = [line.split() for line in LIST.read_text().splitlines() if line and not line.startswith("#")]
    assert all(len(line) == 3 for line in lines)
    return {name: era for name, era, _ in lines}


def rows(text: str) -> list[tuple[list[str], list[str]]]:
    """(variables, cells) of each row of the page."""
    found = []
    for line in text.splitlines():
        cells = [cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]]
        if len(cells) == 5 and cells[0].startswith("`"):
            found.append((re.findall(r"`(\w+)`", cells[0]), cells))
    return found


def body_of(program: str, suite: str, name: str) -> str:
    """The file of a GoogleTest test; "" if there is none."""
    for file in sorted((ROOT / FOLDERS.get(program, "nowhere")).glob("*_test.cc")):
        text = file.read_text()
        if re.search(rf"TEST(_F|_P)?\({suite}, {name}\)", text):
            return text
    return ""


def problems(page: str, variables: dict[str, str]) -> list[str]:
    found, seen = [], Counter()
    for names, (_, era, default, _, here) in rows(page):
        seen.update(names)
        label = ", ".join(names)
        found += [f"{name}: the list says {variables[name]}, the page {era}" for name in names
                  if name in variables and not name.startswith("FELIX_") and variables[name] != era]
        if not default:
            found.append(f"{label}: no default")
        tests = TEST.findall(here)
        if not tests:
            found.append(f"{label}: names no test")
        if not here.startswith(("`", "no effect: ", "refused ")):
            found.append(f"{label}: neither a test nor why not")
        told = ""
        for program, suite, name, file, function in tests:
            text = body_of(program, suite, name) if program else (ROOT / file).read_text() if (ROOT / file).exists() else ""
            if not text or (function and f"def {function}(" not in text):
                found.append(f"{label}: there is no test {suite or file} {name or function}")
            told += text
        found += [f"{name}: none of its tests speaks of it" for name in names
                  if name not in told and not name.startswith(("FELIX_", "CALICO_BGP_SECRET_", "WAIT_FOR_DATASTORE"))]
    found += [f"{name}: has no row" for name in variables if name not in seen]
    found += [f"{name}: has a row and is not in the list" for name in seen if name not in variables]
    return found + [f"{name}: has {times} rows" for name, times in seen.items() if times > 1]


def test_every_variable_has_its_row_and_every_row_its_test():
    variables = listed()
    assert len(variables) >= 290
    assert not problems(PAGE.read_text(), variables)


@pytest.mark.parametrize("was, becomes, problem", [
    ("| `AS` | both |", "| `ASN` | both |", "AS: has no row"),
    ("StartupSettings.BadAsNumbersAreRefused", "StartupSettings.Gone", "AS: there is no test StartupSettings Gone"),
    ("no effect: it is for Windows", "we think not", "VXLAN_VNI: neither a test nor why not"),
    ("`node_test ShutdownTime.IsWrittenBeforeAStopAndRemovedByTheNextStart`", "`node_test RouterId.IsTheNodesAddressUnlessItIsGivenOrMadeOfTheName`",
     "CALICO_SHUTDOWN_TIMESTAMP_FILE: none of its tests speaks of it"),
    ("| `USE_POD_CIDR` | 3 |", "| `USE_POD_CIDR` | 2.6 |", "USE_POD_CIDR: the list says 3, the page 2.6"),
])
def test_a_page_that_is_wrong_is_found(was, becomes, problem):
    page = PAGE.read_text()
    assert was in page
    assert problem in problems(page.replace(was, becomes), listed())


def test_a_parameter_of_felix_is_read_exactly_when_the_page_says_so():
    sources = (ROOT / "src/apps/node/felix_overrides.cc").read_text()
    read = set(re.findall(r'"(\w+)"', re.search(r"kInEffect\[\] = \{(.*?)\};", sources, re.S)[1]))
    told, without = set(), set()
    for names, cells in rows(PAGE.read_text()):
        if not names[0].startswith("FELIX_"):
            continue
        if cells[4].startswith("no effect"):
            without.update(names)
        else:
            told.add(re.search(r"\((\w+)\)$", cells[3])[1])
    assert told == read
    parameters = (ROOT / "src/model/felix_parameters.cc").read_text()
    known = {(v1 or field).upper() for field, v1 in re.findall(r'\{"(\w+)", "(\w*)",\s*Type::', parameters)} - {"NODESELECTOR"}
    listed_parameters = {name.removeprefix("FELIX_") for name in listed() if name.startswith("FELIX_")}
    assert known <= listed_parameters
    used = "".join(file.read_text() for folder in ("src/calc", "src/apps/node") for file in sorted((ROOT / folder).glob("*.cc"))
                   if not file.name.endswith("_test.cc") and file.name != "felix_overrides.cc")
    used += (ROOT / "src/apps/node/felix_overrides.cc").read_text().split("void Store(")[1]
    # The three of WireGuard's devices are put together from parts.
    parts = {"wireguard" + name + family for name in ("InterfaceName", "ListeningPort", "MTU", "Enabled") for family in ("", "V6")}
    assert not {field for field in read if f'"{field}"' not in used and field not in parts}


def test_the_agent_says_at_its_start_what_has_no_effect_and_what_is_wrong(tmp_path):
    agent = os.environ.get("CALICO_NODE", str(ROOT / "build/bin/calico-node"))

    def start(**variables: str) -> str:
        # In namespaces of its own: an agent that does start must not touch this machine.
        done = subprocess.run(["unshare", "-m", "-n", "-p", "--fork", "--kill-child", agent, "run"], env={"PATH": os.environ["PATH"], "NODENAME": "n", **variables}, capture_output=True,
                              text=True, timeout=20)
        assert done.returncode == 1 and len(done.stderr.strip().splitlines()) == 1, done.stderr
        return done.stderr.strip()

    # Before the lock is taken and the store is looked for.
    assert start(FELIX_HEALTHPORT="x") == "calico-node: FELIX_HEALTHPORT='x': use a number from 0 to 65535"
    assert start(CALICO_STARTUP_LOGLEVEL="loud").startswith("calico-node: CALICO_STARTUP_LOGLEVEL='loud': use debug, ")
    assert start(CALICO_DISABLE_FELIX="true").startswith("calico-node: CALICO_DISABLE_FELIX is set, but ")
    written = tmp_path / "ts"
    subprocess.run([agent, "-shutdown"], env={"CALICO_SHUTDOWN_TIMESTAMP_FILE": str(written)}, check=True)
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", written.read_text())
