#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""One connection that waits between bursts: paths that take turns of some 20 ms are disturbed by the same neighbours.

    tcp_bursts.py serve ADDRESS     in the one workload
    tcp_bursts.py send ADDRESS      in the other; for each line with a number of bytes, the nanoseconds until all have arrived
"""

from __future__ import annotations

import socket
import sys
import time

PORT = 9100
CHUNK = 1 << 20


def serve(address: str) -> None:
    connection, _ = socket.create_server((address, PORT)).accept()
    buffer = bytearray(CHUNK)
    while len(head := connection.recv(8, socket.MSG_WAITALL)) == 8:
        left = int.from_bytes(head, "big")
        while left:
            read = connection.recv_into(buffer, min(left, CHUNK))
            if read == 0:
                sys.exit("the sender has gone")
            left -= read
        connection.sendall(b".")


def send(address: str) -> None:
    connection = socket.create_connection((address, PORT), 10)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    data = memoryview(bytes(CHUNK))
    print("ready", flush=True)
    for line in sys.stdin:
        size = left = int(line)
        begin = time.monotonic_ns()
        connection.sendall(size.to_bytes(8, "big"))
        while left:
            left -= connection.send(data[:min(left, CHUNK)])
        if not connection.recv(1):
            sys.exit("the receiver has gone")
        print(time.monotonic_ns() - begin, flush=True)


{"serve": serve, "send": send}[sys.argv[1]](sys.argv[2])
