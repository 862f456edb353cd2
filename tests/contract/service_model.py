"""The shapes of requests to MediaLive and MediaConnect's routers as tables, from the public service models in botocore.

    python3 -m venv model && model/bin/pip install 'botocore>=1.44.8'
    model/bin/python tests/contract/service_model.py medialive > src/emulator/validate/model.txt
    model/bin/python tests/contract/service_model.py mediaconnect > src/emulator/validate/mediaconnect.txt

The emulator checks request bodies by the tables (`src/emulator/validate/model.rs` reads them). One line per operation and
per shape that its body reaches:

    operation CreateChannel CreateChannelRequest 422     422 where the model has UnprocessableEntityException
    struct RtmpOutputSettings destination*:OutputLocationRef numRetries:i0..    `*`: required
    union TlsEncryptionConfiguration public:PublicTlsEncryptionConfiguration    exactly one of the members
    enum LogLevel ERROR WARNING ...

Types: `b` boolean, `s` string, `g` string of `[!-~]+`, `l` string of letters and digits with `-` and `_` between, `i` whole number,
`d` number, `{}` map of strings, `[T]` list of T, `cidr`, `arn:SERVICE:KIND`, else a shape's name. A range follows its type; for a string
it is of characters, for a list of items. MediaLive's model keeps ranges in names of shapes (`__integerMin0Max128`), and one pattern
without its text; the text is that of the API reference.
"""

import re
import sys

import botocore
from botocore.loaders import Loader

# With a body that is looked at. The others have none.
OPERATIONS = {
    "medialive": [
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
    ],
    "mediaconnect": [
        "CreateRouterInput",
        "CreateRouterNetworkInterface",
        "CreateRouterOutput",
        "ListRouterInputs",
        "ListRouterNetworkInterfaces",
        "ListRouterOutputs",
        "TagGlobalResource",
        "TagResource",
        "TakeRouterInput",
        "UpdateRouterInput",
        "UpdateRouterNetworkInterface",
        "UpdateRouterOutput",
    ],
}

NAMES = {"medialive": "MediaLive", "mediaconnect": "MediaConnect"}
SCALARS = {"string": "s", "integer": "i", "long": "i", "double": "d", "float": "d", "boolean": "b"}
NAMED_PATTERNS = {"__stringPattern010920300": "hour"}  # ^([0,1]?[0-9]|2[0-3]):00$
PATTERNS = {
    "[!-~]+": "g",
    r"[a-zA-Z0-9]([a-zA-Z0-9\-_]*[a-zA-Z0-9])?": "l",
    r"(?:[0-9]{1,3}\.){3}[0-9]{1,3}/([0-9]|[12][0-9]|3[0-2])": "cidr",
}
ARN = re.compile(r"^arn:\(aws\[a-zA-Z-\]\*\):([a-z]+):(?:\[a-z0-9-\]\+)?:\[0-9\]\{12\}:([a-zA-Z]+)[:/]")
RANGE = re.compile(r"^__(?:string|boolean|integer|long|double)(?:Min(Negative)?(\d+))?(?:Max(Negative)?(\d+))?$")


def kind(shapes, name, reached):
    """The type of a member, spelled as in the table; `reached` collects the shapes that have lines of their own."""
    shape = shapes[name]
    if shape["type"] == "structure" or "enum" in shape:
        reached.add(name)
        return name
    if shape["type"] == "list":
        return "[" + kind(shapes, shape["member"]["shape"], reached) + "]" + span(shape)
    if shape["type"] == "map":
        assert kind(shapes, shape["value"]["shape"], set()) == "s", name
        return "{}"
    if name in NAMED_PATTERNS:
        return NAMED_PATTERNS[name]
    match = RANGE.match(name)
    if match:
        assert not {"min", "max", "pattern"} & shape.keys(), f"{name}: a constraint beside the name"
        low, high = (number(*match.groups()[part : part + 2]) for part in (0, 2))
        return SCALARS[shape["type"]] + (f"{low}..{high}" if low or high else "")
    assert not name.startswith("__"), f"{name}: a form of name that this script does not know"
    if "pattern" not in shape:
        return SCALARS[shape["type"]] + span(shape)
    arn = ARN.match(shape["pattern"])
    if arn:
        return f"arn:{arn[1]}:{arn[2]}"
    return PATTERNS[shape["pattern"]] + span(shape)


def span(shape):
    low, high = shape.get("min", ""), shape.get("max", "")
    return f"{low}..{high}" if {"min", "max"} & shape.keys() else ""


def number(negative, digits):
    return ("-" if negative else "") + (digits or "")


def line(shapes, name, reached):
    shape = shapes[name]
    if "enum" in shape:
        return " ".join(["enum", name, *shape["enum"]])
    members = [f"union {name}" if shape.get("union") else f"struct {name}"]
    for member, target in shape.get("members", {}).items():
        if "location" in target:
            continue
        star = "*" if member in shape.get("required", []) else ""
        members.append(f"{target['locationName']}{star}:{kind(shapes, target['shape'], reached)}")
    return " ".join(members)


def main():
    service = sys.argv[1]
    model = Loader().load_service_model(service, "service-2")
    shapes, lines, ready, waiting = model["shapes"], [], {}, set()
    version = model["metadata"]["apiVersion"]
    lines.append(f"{NAMES[service]} {version} of botocore {botocore.__version__}, by service_model.py")
    for name in OPERATIONS[service]:
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
