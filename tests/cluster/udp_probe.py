# SPDX-License-Identifier: Apache-2.0
"""Counts lost packets of one-way UDP streams.

    udp_probe.py receive PORT            prints "received N duplicates D" at SIGTERM
    udp_probe.py send ADDRESS PORT RATE  sends numbered packets until SIGTERM, prints "sent N"

One way on purpose: without an answer a flow never becomes "established", so that each packet passes the policy.
"""

import signal
import socket
import struct
import sys
import time

stop = False


def on_term(*_: object) -> None:
    global stop
    stop = True


def receive(port: int) -> None:
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.setsockopt(socket.SOL_SOCKET, 33, 8 << 20)  # SO_RCVBUFFORCE, which Python does not name
    sock.bind(("0.0.0.0", port))
    sock.settimeout(0.2)
    print("ready", flush=True)
    seen: set[int] = set()
    duplicates = 0
    while True:
        try:
            number = struct.unpack("!Q", sock.recv(64))[0]
        except TimeoutError:
            if stop:  # only after the stream has been silent for a while
                break
            continue
        duplicates += number in seen
        seen.add(number)
    print(f"received {len(seen)} duplicates {duplicates}", flush=True)


def send(address: str, port: int, rate: int) -> None:
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.connect((address, port))
    print("ready", flush=True)
    begin = time.monotonic()
    number = 0
    while not stop:
        due = int((time.monotonic() - begin) * rate)
        while number < due:
            sock.send(struct.pack("!Q", number))
            number += 1
        time.sleep(0.001)
    print(f"sent {number}", flush=True)


signal.signal(signal.SIGTERM, on_term)
if sys.argv[1] == "receive":
    receive(int(sys.argv[2]))
else:
    send(sys.argv[2], int(sys.argv[3]), int(sys.argv[4]))
