# SPDX-License-Identifier: Apache-2.0
"""FRR on the lab's router: a speaker that is not ours, configured as docs/bgp.md says."""

from __future__ import annotations

import json
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT / "tests" / "cluster"))

from doc_blocks import blocks  # noqa: E402
from lab import Host, wait_until  # noqa: E402


def documented(language: str, argument: str) -> str:
    """The one block of our documents that stands under this heading line."""
    block, = [block for block in blocks(ROOT) if (block.language, block.argument) == (language, argument)]
    return "\n".join(block.text) + "\n"


class Frr:
    """zebra and bgpd of a host, whose /run is its own."""

    def __init__(self, host: Host):
        self.host = host

    def start(self, config: str) -> None:
        path = self.host.state_dir / "frr.conf"
        path.write_text(config)
        self.host.run("install", "-d", "-o", "frr", "-g", "frr", "/run/frr")
        for daemon in ("zebra", "bgpd"):
            if self.host.pid_of(daemon) is None:
                self.host.start_process(daemon, f"/usr/lib/frr/{daemon}", "-f", str(path), "--log", "stdout")
            wait_until(lambda: self.says("show version"), f"{daemon} answers", 20)
        wait_until(lambda: "router bgp" in self.says("show running-config"), "bgpd has its configuration", 20)

    def stop(self) -> None:
        for daemon in ("bgpd", "zebra"):
            self.host.stop_process(daemon, "KILL")

    def says(self, *commands: str) -> str:
        return self.host.out("vtysh", *[word for command in commands for word in ("-c", command)], check=False)

    def configure(self, *lines: str) -> None:
        said = self.says("configure terminal", *lines)
        assert "%" not in said, said

    def json(self, command: str) -> dict:
        return json.loads(self.says(f"{command} json"))

    # --- what it has been told -----------------------------------------------------------------------

    def routes(self, family: str = "ipv4") -> dict[str, list[dict]]:
        """The paths of every prefix that a peer has told."""
        told = {prefix: [path for path in paths if path.get("peerId", "(unspec)") not in ("(unspec)", "::")]
                for prefix, paths in self.json(f"show bgp {family} unicast")["routes"].items()}
        return {prefix: paths for prefix, paths in told.items() if paths}

    def next_hops(self, prefix: str, family: str = "ipv4") -> dict[str, str]:
        """The next hop that each peer tells for a prefix."""
        return {path["peerId"]: path["nexthops"][0]["ip"] for path in self.routes(family).get(prefix, [])}

    def paths(self, prefix: str, family: str = "ipv4") -> dict[str, dict]:
        """What each peer tells of a prefix, with all attributes."""
        return {path["peer"]["peerId"]: path for path in self.json(f"show bgp {family} unicast {prefix}").get("paths", [])}

    def established(self) -> set[str]:
        return {address for address, peer in self.json("show bgp neighbors").items()
                if isinstance(peer, dict) and peer.get("bgpState") == "Established"}
