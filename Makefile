# SPDX-License-Identifier: Apache-2.0
# Thin names over cmake and tests/. Run as root on Debian 12: `deps` installs what is missing.

PRESET ?= release
HOST ?= calico-node1
RUN ?=
DATASTORE ?= etcdv3
PYTHON := /usr/bin/python3

.PHONY: help deps build image demo demo-down demo-shell deb test test-vm soak bench fmt clean

help:                ## this text
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*##/\t/'

deps:                ## install the Debian packages that are missing
	@tools/install-deps.sh

build: deps          ## build/bin/calicoctl and build/bin/calico-node
	@cmake --preset $(PRESET) >/dev/null
	@cmake --build --preset $(PRESET)

image: build         ## build/calico-node-<version>.tar for `docker load`: calico/node:<version>, of Debian's packages
	@$(PYTHON) tools/make_image.py

demo: build          ## three hosts with Docker, etcd and BIRD on this machine, every step checked [DATASTORE=etcdv2]
	@$(PYTHON) tests/cluster/demo.py up $(DATASTORE)

demo-down:           ## end everything that `make demo` started
	@$(PYTHON) tests/cluster/demo.py down

demo-shell:          ## a shell on a demo host: HOST=calico-node1 [RUN='calicoctl node status']
	@$(PYTHON) tests/cluster/demo.py shell $(HOST) $(if $(RUN),sh -c '$(RUN)')

test: deps           ## everything that must hold, ends with one line of counts
	@$(PYTHON) tests/run.py

soak: deps           ## the long runs
	@$(PYTHON) tests/run.py --soak

test-vm: build       ## what needs Debian's own kernel, in a virtual machine: IPIP, WireGuard [a part of test]
	@$(PYTHON) tests/run.py --only 'virtual machine'

deb: build           ## build/calico-cpp_<version>_<architecture>.deb
	@$(PYTHON) tools/make_deb.py

bench: build         ## figures beside their floors, measured in the same run
	@cmake --build --preset release --target benches
	@$(PYTHON) tests/bench/bench.py

fmt:                 ## format all C++ sources
	@clang-format-16 -i $$(git ls-files '*.h' '*.cc')

clean:               ## remove build/
	rm -rf build
