#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Installs on Debian 12 the packages that building, testing and the demo need; only those that are missing.
# When nothing is missing this is one dpkg-query, so that `make` may call it every time.
set -u

packages='
cmake ninja-build g++ ccache make git pkg-config clang-format-16 clang-16 mold libclang-rt-16-dev
libcurl4-openssl-dev libgrpc++-dev libprotobuf-dev protobuf-compiler protobuf-compiler-grpc
libmnl-dev libnftnl-dev libsqlite3-dev nlohmann-json3-dev libyaml-dev libyaml-cpp-dev libcli11-dev
libspdlog-dev libfmt-dev libexpected-dev libboost-dev libssl-dev prometheus-cpp-dev
libgtest-dev libgmock-dev librapidcheck-dev libbenchmark-dev
etcd-server etcd-client bird2 gobgpd golang-github-osrg-gobgp-dev frr docker.io busybox-static
iproute2 nftables iptables python3 python3-pytest
tcpdump conntrack procps iputils-ping util-linux openssl
qemu-system-x86 cpio kmod ethtool wireguard-tools iperf3
groff-base zsh fish dpkg-dev systemd init-system-helpers
'

fail() {
  echo "install-deps: $*" >&2
  exit 1
}

command -v apt-get >/dev/null 2>&1 && command -v dpkg-query >/dev/null 2>&1 ||
  fail "this is not Debian (no apt-get); install by hand:" $packages

# dpkg-query says nothing (but fails) about packages it never heard of: absent from the list is missing as well.
installed=" $(dpkg-query -W -f '${db:Status-Status} ${Package}\n' $packages 2>/dev/null |
  sed -n 's/^installed //p' | tr '\n' ' ') "
missing=
for package in $packages; do
  case "$installed" in
    *" $package "*) ;;
    *) missing="$missing $package" ;;
  esac
done
[ -z "$missing" ] && exit 0
[ "$(id -u)" = 0 ] || fail "run as root to install:$missing"

# Debian starts etcd, bird and docker as soon as they are installed; ours run in network namespaces, and a
# machine that only builds needs none. policy-rc.d is Debian's own way to say so (invoke-rc.d(8)).
policy=/usr/sbin/policy-rc.d
log=$(mktemp) || fail "cannot make a temporary file"
ours=
cleanup() {
  rm -f "$log"
  [ -n "$ours" ] && rm -f "$policy"
}
trap cleanup EXIT
trap 'exit 1' HUP INT TERM
if [ ! -e "$policy" ]; then
  ours=yes
  printf '#!/bin/sh\nexit 101\n' >"$policy" && chmod 755 "$policy" || fail "cannot write $policy"
fi

export DEBIAN_FRONTEND=noninteractive
echo "install-deps: installing$missing"
if ! { apt-get update -q && apt-get install -qy --no-install-recommends $missing; } >"$log" 2>&1; then
  tail -n 15 "$log" >&2
  fail "apt-get could not install:$missing"
fi
