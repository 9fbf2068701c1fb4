#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Which folder of src/ includes what. The layer table is the one in ARCHITECTURE.md, read from there.

Prints one line per violation, "file:line: reason", and exits 1 if there is any. `--self-test` only shows
with made-up files that each kind of violation is found, which every run does first.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent

INCLUDE = re.compile(r'^\s*#\s*include\s+(?:"(?P<ours>[^"]+)"|<(?P<other>[^>]+)>)')

# Heavy or leaky: they may stand in .cc files, so that a change of library is a change of few files.
THIRD_PARTY = ("grpc", "grpcpp", "google/protobuf", "boost", "nlohmann", "yaml-cpp", "yaml.h", "libnftnl", "libmnl", "CLI", "spdlog",
               "prometheus", "sqlite3.h", "curl")
# Headers between the .cc files of one folder, which nobody outside includes.
INTERNAL_HEADERS = {"model/codec/fields.h", "model/codec/v1.h", "model/codec/v1_stored_kinds.h", "model/codec/scalar.h",
                    "model/codec/yaml_reader.h",
                    "datastore/etcdv2/curl.h", "datastore/etcdv3/connection.h", "bgp/gobgp/client.h", "bgp/gobgp/messages.h", "bgp/gobgp/policies.h",
                    "kernel/netlink_attributes.h", "kernel/nft_foreign.h", "kernel/rtnetlink_socket.h",
                    "kernel/rtnetlink_parse.h", "kernel/iptables_firewall_read.h", "kernel/nft/expression.h", "kernel/nft/messages.h"}
THREADS = ("mutex", "thread", "condition_variable", "shared_mutex", "future", "boost/asio", "boost/asio.hpp")
KERNEL = ("linux", "libmnl", "libnftnl")
# An app that serves another one's protocol.
APP_EXCEPTIONS = {("apps/node", "apps/libnetwork")}


def read_table(text: str) -> dict[str, set[str] | None]:
    """Folder to the folders it may include; None means all that are not apps."""
    section = re.search(r"^## Layers$(.*?)^## ", text, re.M | re.S)
    table: dict[str, set[str] | None] = {}
    for line in section[1].splitlines() if section else []:
        cells = [cell.strip() for cell in line.strip().strip("|").split("|")]
        if len(cells) != 3 or not cells[0].startswith("`"):
            continue
        allowed = None if cells[2].startswith("anything") else {name.strip(" `") for name in cells[2].split(",")} - {"–"}
        for folder in re.findall(r"`([^`]+)`", cells[0]):
            table[folder] = allowed
    for folder, allowed in table.items():
        unknown = (allowed or set()) - table.keys()
        assert not unknown, f"ARCHITECTURE.md: the row of {folder} names {unknown}, which has no row"
    assert table, "ARCHITECTURE.md: there is no layer table"
    return table


def folder_of(path: str, table: dict[str, set[str] | None]) -> str | None:
    return next((folder for folder in sorted(table, key=len, reverse=True) if path.startswith(folder + "/")), None)


def starts_with(header: str, names: tuple[str, ...]) -> bool:
    return any(header == name or header.startswith(name + "/") for name in names)


def layer_problem(folder: str, header: str, table: dict[str, set[str] | None]) -> str | None:
    target = folder_of(header, table)
    if header in INTERNAL_HEADERS and target != folder:
        return f"{header} is internal to {target}"
    # A name without our folders in front is a generated header (protobuf) or one of another library.
    if target is None or target == folder or (folder, target) in APP_EXCEPTIONS:
        return None
    if target.startswith("apps/"):
        return f"{folder} must not include {target}: it is an app"
    allowed = table[folder]
    if allowed is not None and target not in allowed:
        return f"{folder} must not include {target} (layer table in ARCHITECTURE.md)"
    return None


def library_problem(path: str, folder: str, header: str) -> str | None:
    test = "/testing/" in path or path.endswith("_test.cc")
    if starts_with(header, KERNEL) and folder != "kernel":
        return f"<{header}>: only kernel speaks to Linux"
    if path.endswith(".h") and starts_with(header, THIRD_PARTY) and path not in INTERNAL_HEADERS:
        return f"<{header}> in a header: third-party libraries stay in .cc files"
    # A store's driver may need a lock for the callbacks of its library.
    driver = folder == "datastore" and (path.endswith(".cc") or path in INTERNAL_HEADERS)
    if starts_with(header, ("curl",)) and not path.startswith("datastore/etcdv2/"):
        return f"<{header}>: only the driver for etcd v2 speaks HTTP by libcurl; base/http_client.h is for the rest"
    if starts_with(header, THREADS) and folder != "base" and not driver and not test:
        return f"<{header}>: threads and locks live in base"
    return None


def check_file(path: str, text: str, table: dict[str, set[str] | None]) -> list[str]:
    """`path` is relative to src/."""
    folder = folder_of(path, table)
    if folder is None:
        return [f"src/{path}:1: this folder has no row in the layer table in ARCHITECTURE.md"]
    problems = []
    for number, line in enumerate(text.splitlines(), 1):
        include = INCLUDE.match(line)
        if not include:
            continue
        header = include["ours"] or include["other"]
        reason = (layer_problem(folder, header, table) if include["ours"] else None) or library_problem(path, folder, header)
        if reason:
            problems.append(f"src/{path}:{number}: {reason}")
    return problems


def self_test(table: dict[str, set[str] | None]) -> int:
    bad = [
        ("base/a.cc", '#include "net/ip.h"'),
        ("datastore/a.cc", '#include "model/codec/fields.h"'),
        ("calc/a.cc", '#include "kernel/sysctl.h"'),
        ("calc/a_test.cc", '#include "datastore/client.h"'),
        ("calc/a_test.cc", '#include "policy_eval/path.h"'),
        ("policy_eval/a.cc", '#include "calc/graph.h"'),
        ("dataplane/a.cc", '#include "model/key.h"'),
        ("apps/calicoctl/a.cc", '#include "apps/node/a.h"'),
        ("apps/libnetwork/a.cc", '#include "apps/node/a.h"'),
        ("model/a.cc", '#include "apps/node/a.h"'),
        ("datastore/a.h", "#include <grpcpp/grpcpp.h>"),
        ("datastore/a.h", "#include <sqlite3.h>"),
        ("model/codec/other.h", "#include <nlohmann/json.hpp>"),
        ("base/a.cc", "#include <curl/curl.h>"),
        ("calc/a.cc", "#include <mutex>"),
        ("datastore/a.h", "#include <mutex>"),
        ("bgp/a.cc", "#include <boost/asio/io_context.hpp>"),
        ("dataplane/a.cc", "#include <linux/rtnetlink.h>"),
        ("workload/a.cc", "# include <libmnl/libmnl.h>"),
        ("kernel/a.h", "#include <libnftnl/rule.h>"),
        ("unheard_of/a.cc", "int x;"),
    ]
    good = [
        ("net/a.cc", '#include "base/text.h"'),
        ("apps/node/a.cc", '#include "apps/libnetwork/driver.h"'),
        ("apps/calicoctl/a.cc", '#include "ipam/allocator.h"'),
        ("model/codec/fields.h", "#include <nlohmann/json.hpp>"),
        ("datastore/etcdv3/a.cc", "#include <mutex>"),
        ("datastore/etcdv2/http.cc", "#include <curl/curl.h>"),
        ("ipam/testing/a.h", "#include <mutex>"),
        ("calc/a_test.cc", "#include <thread>"),
        ("base/a.h", "#include <thread>"),
        ("kernel/a.cc", "#include <linux/if.h>"),
        ("calc/a.cc", '// #include "kernel/sysctl.h"'),
    ]
    wrong = [f"not found: {case}" for case in bad if not check_file(*case, table)]
    wrong += [f"found without reason: {case}" for case in good if check_file(*case, table)]
    print("\n".join(wrong) if wrong else f"{len(bad) + len(good)} made-up files judged as they should be")
    return 1 if wrong else 0


def main() -> int:
    table = read_table((ROOT / "ARCHITECTURE.md").read_text())
    # Always: a check that finds nothing looks like a clean tree.
    if self_test(table) != 0:
        return 1
    if sys.argv[1:] == ["--self-test"]:
        return 0
    problems = []
    for file in sorted((ROOT / "src").rglob("*")):
        if file.suffix in (".h", ".cc"):
            problems += check_file(file.relative_to(ROOT / "src").as_posix(), file.read_text(), table)
    print("\n".join(problems) if problems else "every include is allowed")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
