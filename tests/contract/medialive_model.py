"""The shapes of MediaLive's requests as a table, from the public service model in botocore.

    python3 -m venv model && model/bin/pip install botocore
    model/bin/python tests/contract/medialive_model.py > src/emulator/validate/model.txt

The emulator checks request bodies by the table (`src/emulator/validate/model.rs` reads it). One line per operation and
per shape that its body reaches:

    operation CreateChannel CreateChannelRequest 422     422 where the model has UnprocessableEntityException
    struct RtmpOutputSettings destination*:OutputLocationRef numRetries:i0..    `*`: required
    enum LogLevel ERROR WARNING ...

Types: `b` boolean, `s` string, `i` whole number, `d` number, `{}` map of strings, `[T]` list of T, else a shape's name. A range
follows its type; for a string it is of characters. The model keeps ranges in names of shapes (`__integerMin0Max128`). It
keeps one pattern there, too, without its text; the text is that of the API reference.
"""

import re
import sys

import botocore
from botocore.loaders import Loader

# With a body that is looked at. The others have none.
OPERATIONS = [
    "BatchDelete",
    "BatchStart",
    "BatchStop",
    "BatchUpdateSchedule",
    "CreateChannel",
    "CreateInput",
    "CreateInputSecurityGroup",
    "CreateTags",
    "RestartChannelPipelines",
    "UpdateChannel",
    "UpdateChannelClass",
    "UpdateInput",
    "UpdateInputSecurityGroup",
]

SCALARS = {"string": "s", "integer": "i", "long": "i", "double": "d", "float": "d", "boolean": "b"}
PATTERNS = {"__stringPattern010920300": "hour"}  # ^([0,1]?[0-9]|2[0-3]):00$
RANGE = re.compile(r"^__(?:string|boolean|integer|long|double)(?:Min(Negative)?(\d+))?(?:Max(Negative)?(\d+))?$")


def kind(shapes, name, reached):
    """The type of a member, spelled as in the table; `reached` collects the shapes that have lines of their own."""
    shape = shapes[name]
    if shape["type"] == "structure" or "enum" in shape:
        reached.add(name)
        return name
    if shape["type"] == "list":
        return "[" + kind(shapes, shape["member"]["shape"], reached) + "]"
    if shape["type"] == "map":
        assert kind(shapes, shape["value"]["shape"], set()) == "s", name
        return "{}"
    if name in PATTERNS:
        return PATTERNS[name]
    match = RANGE.match(name)
    assert match, f"{name}: a form of name that this script does not know"
    assert not {"min", "max", "pattern"} & shape.keys(), f"{name}: a constraint beside the name"
    low, high = (number(*match.groups()[part : part + 2]) for part in (0, 2))
    return SCALARS[shape["type"]] + (f"{low}..{high}" if low or high else "")


def number(negative, digits):
    return ("-" if negative else "") + (digits or "")


def line(shapes, name, reached):
    shape = shapes[name]
    if "enum" in shape:
        return " ".join(["enum", name, *shape["enum"]])
    members = [f"struct {name}"]
    for member, target in shape.get("members", {}).items():
        if "location" in target:
            continue
        star = "*" if member in shape.get("required", []) else ""
        members.append(f"{target['locationName']}{star}:{kind(shapes, target['shape'], reached)}")
    return " ".join(members)


def main():
    model = Loader().load_service_model("medialive", "service-2")
    shapes, lines, ready, waiting = model["shapes"], [], {}, set()
    lines.append(f"MediaLive {model['metadata']['apiVersion']} of botocore {botocore.__version__}, by medialive_model.py")
    for name in OPERATIONS:
        operation = model["operations"][name]
        errors = [error["shape"] for error in operation["errors"]]
        flag = " 422" if "UnprocessableEntityException" in errors else ""
        lines.append(f"operation {name} {operation['input']['shape']}{flag}")
        waiting.add(operation["input"]["shape"])
    while waiting:
        name = waiting.pop()
        reached = set()
        ready[name] = line(shapes, name, reached)
        waiting |= reached - ready.keys()
    lines += [ready[name] for name in sorted(ready)]
    sys.stdout.write("\n".join(lines) + "\n")


main()
