#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""`make deb`: the Debian package of what is in build/bin. Nothing is downloaded, and the same programs give the same file.

    tools/make_deb.py [--output DIR]

Prints the path of the package. Dependencies on libraries are those of the programs (dpkg-shlibdeps), and
libcurl, which they load when they need it.
"""

from __future__ import annotations

import argparse
import gzip
import hashlib
import os
import re
import shutil
import subprocess
import sys
import tempfile
from email.utils import parsedate_to_datetime
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PACKAGING = ROOT / "packaging"
NAME = "calico-cpp"
PROGRAMS = ("calicoctl", "calico-node")
CONTROL = """Package: {name}
Version: {version}
Architecture: {architecture}
Maintainer: The calico-cpp authors <calico-cpp@localhost>
Installed-Size: {size}
Depends: {libraries}, libcurl4, bird2 (>= 2.0.12), iptables, init-system-helpers
Suggests: docker.io | docker-ce, etcd-server, gobgpd
Section: net
Priority: optional
Description: Calico's layer-3 networking and policy for containers and hosts
 Every host is a router: calico-node writes routes and policy into the kernel,
 spreads routes over BGP with the stock BIRD, and serves Docker's network and
 IPAM drivers; calicoctl is how you speak to it. The state is kept in etcd, or
 in a file on one host.
"""


def output_of(*argv: str, cwd: Path | None = None, env: dict[str, str] | None = None) -> str:
    done = subprocess.run(argv, cwd=cwd, capture_output=True, text=True, env=dict(os.environ, **(env or {})))
    if done.returncode != 0:
        sys.exit(f"make deb: {' '.join(argv)}: {(done.stderr or done.stdout).strip()[-800:]}")
    return done.stdout


def install(source: Path, tree: Path, target: str, mode: int = 0o644) -> None:
    path = tree / target
    path.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy(source, path)
    path.chmod(mode)


def write_compressed(text: bytes, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(gzip.compress(text, mtime=0))


def programs(tree: Path) -> None:
    for program in PROGRAMS:
        binary = ROOT / "build" / "bin" / program
        if not binary.exists():
            sys.exit(f"make deb: {binary} does not exist: run make build")
        target = tree / "usr/bin" / program
        target.parent.mkdir(parents=True, exist_ok=True)
        output_of("strip", "--strip-unneeded", "--remove-section=.comment", "--remove-section=.note", "-o", str(target), str(binary))
        target.chmod(0o755)


def said_by_calicoctl(tree: Path) -> None:
    """Completion and man pages come from the program's own description of its commands."""
    calicoctl = str(tree / "usr/bin/calicoctl")
    for shell, path in (("bash", "usr/share/bash-completion/completions/calicoctl"),
                        ("zsh", "usr/share/zsh/vendor-completions/_calicoctl"),
                        ("fish", "usr/share/fish/vendor_completions.d/calicoctl.fish")):
        (tree / path).parent.mkdir(parents=True)
        (tree / path).write_text(output_of(calicoctl, "completion", shell))
    with tempfile.TemporaryDirectory() as pages:
        output_of(calicoctl, "man", pages)
        for page in Path(pages).iterdir():
            write_compressed(page.read_bytes(), tree / "usr/share/man/man1" / (page.name + ".gz"))


def libraries(tree: Path) -> str:
    with tempfile.TemporaryDirectory() as place:
        (Path(place) / "debian").mkdir()
        (Path(place) / "debian/control").write_text(f"Source: {NAME}\n\nPackage: {NAME}\nArchitecture: any\n")
        said = output_of("dpkg-shlibdeps", "-O", *[f"-e{tree}/usr/bin/{program}" for program in PROGRAMS], cwd=Path(place))
    return said.strip().removeprefix("shlibs:Depends=")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    changelog = (PACKAGING / "debian/changelog").read_text()
    parser.add_argument("--output", type=Path, default=ROOT / "build")
    options = parser.parse_args()
    version = re.match(r"\S+ \((\S+)\)", changelog)[1]
    epoch = int(parsedate_to_datetime(re.search(r"^ -- .*>  (.*)$", changelog, re.M)[1]).timestamp())

    architecture = output_of("dpkg", "--print-architecture").strip()
    package = options.output.resolve() / f"{NAME}_{version}_{architecture}.deb"
    with tempfile.TemporaryDirectory() as place:
        tree = Path(place) / "tree"
        programs(tree)
        said_by_calicoctl(tree)
        for name in ("calico-node.service", "calico-node.socket", "calico-node-boot.target"):
            install(PACKAGING / "systemd" / name, tree, f"usr/lib/systemd/system/{name}")
        install(PACKAGING / "systemd/calico.tmpfiles", tree, "usr/lib/tmpfiles.d/calico.conf")
        for name in ("calicoctl.cfg", "calico.env"):
            install(PACKAGING / "etc" / name, tree, f"etc/calico/{name}", 0o640 if name.endswith(".env") else 0o644)
        for page in (PACKAGING / "man").iterdir():
            write_compressed(page.read_bytes(), tree / f"usr/share/man/man{page.suffix[1:]}" / (page.name + ".gz"))
        install(PACKAGING / "debian/copyright", tree, f"usr/share/doc/{NAME}/copyright")
        write_compressed(changelog.encode(), tree / f"usr/share/doc/{NAME}/changelog.gz")

        files = sorted(path for path in tree.rglob("*") if path.is_file())
        control = tree / "DEBIAN"
        control.mkdir()
        (control / "md5sums").write_text("".join(
            f"{hashlib.md5(path.read_bytes()).hexdigest()}  {path.relative_to(tree)}\n" for path in files
            if not path.is_relative_to(tree / "etc")))
        (control / "conffiles").write_text("".join(f"/{path.relative_to(tree)}\n" for path in files if path.is_relative_to(tree / "etc")))
        for script in ("postinst", "prerm", "postrm"):
            install(PACKAGING / "debian" / script, tree, f"DEBIAN/{script}", 0o755)
        size = sum(path.stat().st_size for path in files) // 1024
        (control / "control").write_text(CONTROL.format(name=NAME, version=version, architecture=architecture, size=size,
                                                        libraries=libraries(tree)))
        for path in [tree, *tree.rglob("*")]:
            if path.is_dir():
                path.chmod(0o755)
            os.utime(path, (epoch, epoch))
        package.parent.mkdir(parents=True, exist_ok=True)
        compression = os.environ.get("DPKG_DEB_COMPRESSOR_TYPE", "xz")  # dpkg-deb(1)
        output_of("dpkg-deb", "--root-owner-group", f"-Z{compression}", "-z1", "--build", str(tree), str(package), env={"SOURCE_DATE_EPOCH": str(epoch)})
    print(package)
    return 0


if __name__ == "__main__":
    sys.exit(main())
