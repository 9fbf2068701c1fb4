# SPDX-License-Identifier: Apache-2.0
"""A published Calico 2.6 guide, word for word: docs/guide.md is executed on three hosts, each statement of the page is checked,
and the document has each command of the page in the page's order."""

import pytest
from doc_blocks import Command
from statements import STATEMENTS
from walk import guide_commands, page

# Commands of the page that are others in the document: the deviations that it lists.
DIFFERENT = {
    "curl -O -L https://github.com/projectcalico/calicoctl/releases/download/v1.6.4/calicoctl": [
        "dpkg --fsys-tarfile ~/calico-cpp_0.1.0_amd64.deb | tar -xO ./usr/bin/calicoctl > calicoctl"],
    "docker pull calico/node:v2.6.10": ["docker load -i calico-node-0.1.0.tar", "docker tag calico/node:0.1.0 calico/node:v2.6.10"],
    "docker pull busybox": ["docker import -c 'CMD [\"sh\"]' busybox.tar busybox"],
}


def steps():
    """(name, function of the walk): commands and files of the document, each followed by what the page says of it."""
    found, used, seen = [], set(), {}
    for section, item in guide_commands():
        if not isinstance(item, Command):
            found.append((f"{section}: {item.argument}", lambda walk, block=item: walk.write_file(block)))
            continue
        key = (section, item.command)
        seen[key] = nth = seen.get(key, -1) + 1
        found.append((f"{section}: {item.command}", lambda walk, command=item, s=section: walk.execute(command, s)))
        for number, statement in enumerate(STATEMENTS):
            if (statement.section, statement.command, statement.nth) == (section, item.command, nth):
                found.append((f"{section}: {statement.text}", statement.check))
                used.add(number)
    unused = [statement.text for number, statement in enumerate(STATEMENTS) if number not in used]
    assert not unused, f"no command of the guide belongs to: {unused}"
    return found


STEPS = steps()


@pytest.mark.parametrize("number", range(len(STEPS)), ids=[name for name, _ in STEPS])
def test_guide(walk, number):
    STEPS[number][1](walk)


# --- the document and the page

def plain(lines):
    """Contents of a file without comments, blank lines, indentation and the ends of continued lines."""
    kept = [line.strip().removesuffix("\\").strip() for line in lines]
    return [line for line in kept if line and (not line.startswith("#") or line.startswith("#-A"))]


def test_the_document_has_each_command_of_the_page_in_its_order():
    wanted = []
    for section, command, printed in page():
        if command.startswith("vim "):
            wanted.append((section, command.removeprefix("vim ").replace("/etc/caloco/", "/etc/calico/"), plain(printed)))
        else:
            wanted += [(section, one, None) for one in DIFFERENT.get(command, [command])]
    # The page shows this file below `cat`, after its editor.
    config = next(plain(printed) for _, command, printed in page() if command == "cat /etc/calico/calicoctl.cfg")
    wanted = [(s, name, config if name == "/etc/calico/calicoctl.cfg" and text is not None else text) for s, name, text in wanted]
    ours = [(section, item.command, None) if isinstance(item, Command) else (section, item.argument, plain(item.text))
            for section, item in guide_commands()]
    assert ours == wanted
