# SPDX-License-Identifier: Apache-2.0
"""A BGP peer that wants to see OPEN messages only: prints one line of JSON for each, and closes (RFC 4271, RFC 4724)."""

import json
import socket
import struct


def parse(message):
    """What an OPEN says of graceful restart."""
    assert message[18] == 1, "not an OPEN"
    options = message[29:29 + message[28]]
    said = {"capability": False, "restarted": False, "seconds": 0, "preserved": []}
    while options:
        kind, length = options[0], options[1]
        body, options = options[2:2 + length], options[2 + length:]
        while kind == 2 and body:
            code, size = body[0], body[1]
            value, body = body[2:2 + size], body[2 + size:]
            if code != 64:
                continue
            flags = struct.unpack("!H", value[:2])[0]
            said.update(capability=True, restarted=bool(flags & 0x8000), seconds=flags & 0xFFF)
            families = [struct.unpack("!HBB", value[at:at + 4]) for at in range(2, len(value), 4)]
            said["preserved"] = [family for family, _, flag in families if flag & 0x80]
    return said


def main():
    listener = socket.create_server(("", 179))
    print("ready", flush=True)
    while True:
        connection, (address, _) = listener.accept()
        connection.settimeout(5)
        try:
            with connection, connection.makefile("rb") as stream:
                head = stream.read(19)
                print(json.dumps({"from": address, **parse(head + stream.read(struct.unpack("!H", head[16:18])[0] - 19))}), flush=True)
        except (OSError, struct.error):
            pass  # who has gone away again


if __name__ == "__main__":
    main()
