#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""`make image`: the container image calico/node:<version> as an archive for `docker load`, made without Docker and without
any other image: our stripped programs, and out of Debian's packages only the files that they need.

    tools/make_image.py [--tag NAME:TAG]... [--output FILE]     default: build/calico-node-<version>.tar

The same programs and packages give the same bytes: times are those of the last commit, names are sorted.
"""

from __future__ import annotations

import argparse
import hashlib
import io
import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
CACHE = ROOT / "build" / "image"
# What is taken from each package besides the libraries that programs ask for.
PACKAGES = {
    "bird2": ["usr/sbin/bird", "usr/sbin/birdcl"],
    "gobgpd": ["usr/bin/gobgpd"],
    # All its extensions: `iptables -S` must be able to read others' rules.
    "iptables": ["usr/sbin/xtables-nft-multi", "usr/sbin/xtables-legacy-multi",
                 *(f"usr/lib/*/xtables/lib{kind}_*.so" for kind in ("xt", "ipt", "ip6t"))],
    "busybox-static": ["bin/busybox"],
    "libcurl4": ["usr/lib/*/libcurl.so.4"],  # loaded when the store is one of Calico 2.6
}
LIBRARIES = ("libc6 libgcc-s1 libstdc++6 zlib1g libssl3 libsqlite3-0 libyaml-0-2 libyaml-cpp0.7 libmnl0 libnftnl11 "
             "libprometheus-cpp-core1.0 libspdlog1.10 libfmt9 libxtables12 libip4tc2 libip6tc2 libnetfilter-conntrack3 libnfnetlink0 "
             "libssh-gcrypt-4 libgcrypt20 libgpg-error0 libgssapi-krb5-2 libkrb5-3 libkrb5support0 libk5crypto3 libkeyutils1 "
             "libcom-err2 libbrotli1 libffi8 libgmp10 libgnutls30 libhogweed6 libidn2-0 libldap-2.5-0 libnettle8 libnghttp2-14 libp11-kit0 "
             "libpsl5 librtmp1 libsasl2-2 libssh2-1 libtasn1-6 libunistring2 libzstd1").split()
IPTABLES = [f"{family}-{backend}{verb}" for family in ("iptables", "ip6tables") for backend in ("nft", "legacy")
            for verb in ("", "-restore", "-save")]
ENVIRONMENT = ["PATH=/usr/sbin:/usr/bin:/sbin:/bin"]
COMMAND = ["calico-node", "run"]


class Broken(Exception):
    """The image cannot be made; str() says why."""


def output_of(*argv: str, cwd: Path | None = None) -> str:
    done = subprocess.run(argv, cwd=cwd, capture_output=True, text=True)
    if done.returncode != 0:
        raise Broken(f"{' '.join(argv)[:200]}: {done.stderr.strip()[-500:]}")
    return done.stdout


def version() -> str:
    return re.search(r"^project\(\S+ VERSION (\S+)", (ROOT / "CMakeLists.txt").read_text(), re.M)[1]


def unpacked() -> Path:
    """A tree with the newest version of every package; a package is downloaded once."""
    names = [*PACKAGES, *LIBRARIES]
    debs, tree = CACHE / "debs", CACHE / "packages"
    debs.mkdir(parents=True, exist_ok=True)
    policy = output_of("apt-cache", "policy", *names)
    candidates = dict(re.findall(r"^(\S+):\n  Installed: .*\n  Candidate: (\S+)$", policy, re.M))
    missing = [name for name in names if candidates.get(name, "(none)") == "(none)"]
    if missing:
        raise Broken(f"apt knows no {' '.join(missing)}: run apt-get update")
    wanted = {name: f"{name}_{candidates[name].replace(':', '%3a')}_" for name in names}
    have = {path.name for path in debs.glob("*.deb")}
    absent = [name for name in names if not any(file.startswith(wanted[name]) for file in have)]
    if absent:
        output_of("apt-get", "download", "-q", *absent, cwd=debs)
    chosen = [next(debs.glob(glob_text(start) + "*.deb")) for start in wanted.values()]
    stamp = "\n".join(sorted(path.name for path in chosen))
    if not (CACHE / "stamp").exists() or (CACHE / "stamp").read_text() != stamp:
        shutil.rmtree(tree, ignore_errors=True)
        for path in chosen:
            output_of("dpkg", "-x", str(path), str(tree))
        (CACHE / "stamp").write_text(stamp)
    return tree


def glob_text(text: str) -> str:
    return re.sub(r"([*?[])", r"[\1]", text)


def needed_by(program: Path) -> list[str]:
    """Names of the shared libraries (and the loader) that an ELF file asks for."""
    text = output_of("readelf", "-d", "-l", "-W", str(program))
    loader = re.findall(r"Requesting program interpreter: (\S+)\]", text)
    return re.findall(r"\(NEEDED\).*\[(.+)\]", text) + [os.path.basename(name) for name in loader]


class Image:
    """The files of the one layer, by path without a leading slash. bin, sbin and lib are links into usr."""

    def __init__(self, packages: Path):
        self.packages = packages
        self.files: dict[str, Path | bytes] = {}
        self.links: dict[str, str] = {}
        self.directories = {"dev", "etc/calico", "proc", "root", "run", "sys", "tmp", "var/lib/calico", "var/log/calico"}
        for name in ("bin", "sbin", "lib", "lib64"):
            self.links[name] = f"usr/{name}"
            self.directories.add(f"usr/{name}")
        self.links["var/run"] = "/run"
        self.libraries = {path.name: path for path in sorted(packages.rglob("*.so*"))}

    def add(self, path: str, source: Path) -> None:
        """A program or library, and all the libraries that it needs."""
        self.files[path] = source
        for name in needed_by(source):
            if name.startswith("linux-vdso"):
                continue
            if name not in self.libraries:
                raise Broken(f"{path} needs {name}: add its package to LIBRARIES in tools/make_image.py")
            found = self.libraries[name]
            where = "usr/" + str(found.relative_to(self.packages)).removeprefix("usr/")
            if name.startswith("ld-linux"):
                where = f"usr/lib64/{name}"
            if where not in self.files:
                self.add(where, Path(os.path.realpath(found)))

    def add_package_files(self) -> None:
        for patterns in PACKAGES.values():
            for pattern in patterns:
                found = sorted(self.packages.glob(pattern))
                if not found:
                    raise Broken(f"no file {pattern} in Debian's packages")
                for path in found:
                    name = str(path.relative_to(self.packages))
                    name = name if name.startswith("usr/") else f"usr/{name}"
                    if path.is_symlink() and ".so" not in name:
                        self.links[name] = os.readlink(path)
                    else:
                        self.add(name, Path(os.path.realpath(path)))
        for name in IPTABLES:
            self.links[f"usr/sbin/{name}"] = f"xtables-{name.split('-')[1]}-multi"
        for name in ("iptables", "ip6tables"):
            for verb in ("", "-restore", "-save"):
                self.links[f"usr/sbin/{name}{verb}"] = f"{name}-nft{verb}"
        busybox = self.packages / "bin/busybox"
        for applet in output_of(str(busybox), "--list-full").splitlines():
            path = applet if applet.startswith("usr/") else f"usr/{applet}"
            if path.startswith(("usr/bin/", "usr/sbin/")) and path not in self.files and path not in self.links:
                self.links[path] = "/usr/bin/busybox"

    def add_ours(self) -> None:
        stripped = CACHE / "calico-node"
        binary = ROOT / "build" / "bin" / "calico-node"
        if not binary.exists():
            raise Broken(f"{binary} does not exist: run make build")
        output_of("strip", "-o", str(stripped), str(binary))
        self.add("usr/bin/calico-node", stripped)
        self.files["etc/passwd"] = b"root:x:0:0:root:/root:/bin/sh\n"
        self.files["etc/group"] = b"root:x:0:\n"
        self.files["etc/nsswitch.conf"] = b"passwd: files\ngroup: files\nhosts: files dns\n"
        self.files["usr/share/doc/calico-node/LICENSE"] = ROOT / "LICENSE"
        for path in self.packages.glob("usr/share/doc/*/copyright"):
            self.files[str(path.relative_to(self.packages))] = Path(os.path.realpath(path))

    def layer(self, path: Path, time: int) -> None:
        names = set(self.directories) | set(self.files) | set(self.links)
        for name in list(names):
            parts = name.split("/")
            names |= {"/".join(parts[:n]) for n in range(1, len(parts))}
        with tarfile.open(path, "w", format=tarfile.PAX_FORMAT) as tar:
            for name in sorted(names):
                entry = tarfile.TarInfo(name)
                entry.mtime = time
                if name in self.links:
                    entry.type, entry.linkname, entry.mode = tarfile.SYMTYPE, self.links[name], 0o777
                    tar.addfile(entry)
                elif name in self.files:
                    content = self.files[name]
                    data = content if isinstance(content, bytes) else content.read_bytes()
                    program = not isinstance(content, bytes) and data.startswith(b"\x7fELF")
                    entry.size, entry.mode = len(data), 0o755 if program else 0o644
                    tar.addfile(entry, io.BytesIO(data))
                else:
                    entry.type, entry.mode = tarfile.DIRTYPE, 0o1777 if name == "tmp" else 0o755
                    tar.addfile(entry)


def sha256(path: Path) -> str:
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def write_archive(layer: Path, output: Path, tags: list[str], time: int) -> None:
    """What `docker save` writes: the layer, the configuration under its own digest, manifest.json."""
    stamp = subprocess.run(["date", "-u", "-d", f"@{time}", "+%Y-%m-%dT%H:%M:%SZ"], capture_output=True, text=True, check=True).stdout.strip()
    machine = {"x86_64": "amd64", "aarch64": "arm64"}.get(os.uname().machine, os.uname().machine)
    digest = sha256(layer)
    config = json.dumps({
        "architecture": machine, "os": "linux", "created": stamp,
        "config": {"Env": ENVIRONMENT, "Cmd": COMMAND,
                   "Labels": {"org.opencontainers.image.title": "calico-node", "org.opencontainers.image.version": version(),
                              "org.opencontainers.image.licenses": "Apache-2.0"}},
        "rootfs": {"type": "layers", "diff_ids": [f"sha256:{digest}"]},
        "history": [{"created": stamp, "created_by": "make image"}],
    }, sort_keys=True).encode()
    config_name = hashlib.sha256(config).hexdigest() + ".json"
    manifest = json.dumps([{"Config": config_name, "RepoTags": tags, "Layers": [f"{digest}/layer.tar"]}]).encode()
    partial = output.with_suffix(".partial")
    with tarfile.open(partial, "w", format=tarfile.PAX_FORMAT) as tar:
        for name, data in ((config_name, config), ("manifest.json", manifest)):
            entry = tarfile.TarInfo(name)
            entry.size, entry.mtime, entry.mode = len(data), time, 0o644
            tar.addfile(entry, io.BytesIO(data))
        entry = tarfile.TarInfo(f"{digest}/layer.tar")
        entry.size, entry.mtime, entry.mode = layer.stat().st_size, time, 0o644
        with open(layer, "rb") as data:
            tar.addfile(entry, data)
    partial.rename(output)


def commit_time() -> int:
    """SOURCE_DATE_EPOCH, else that of the last commit; a tree without git has none."""
    if os.environ.get("SOURCE_DATE_EPOCH"):
        return int(os.environ["SOURCE_DATE_EPOCH"])
    done = subprocess.run(["git", "log", "-1", "--format=%ct"], cwd=ROOT, capture_output=True, text=True)
    return int(done.stdout) if done.returncode == 0 else 0


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tag", action="append", help=f"[default: calico/node:{version()}]")
    parser.add_argument("--output", type=Path, default=ROOT / "build" / f"calico-node-{version()}.tar")
    options = parser.parse_args()
    tags = options.tag or [f"calico/node:{version()}"]
    try:
        image = Image(unpacked())
        image.add_package_files()
        image.add_ours()
        layer = CACHE / "layer.tar"
        image.layer(layer, commit_time())
        write_archive(layer, options.output, tags, commit_time())
    except Broken as broken:
        print(f"make_image: {broken}", file=sys.stderr)
        return 1
    print(f"{options.output}: {', '.join(tags)}, {options.output.stat().st_size / 1e6:.1f} MB")
    return 0


if __name__ == "__main__":
    sys.exit(main())
