"""The JSON Schema for editors against a validator that is not ours.

    python schema.py

Every YAML document of the examples fits manifests/schema/slotwise.json, and what is mistyped does not. Needs jsonschema and
PyYAML, which moto brings along. Ends with 1 at the first that is not so.
"""

import json
import pathlib
import sys

import jsonschema
import yaml

ROOT = pathlib.Path(__file__).parent.parent.parent
SCHEMA = json.loads((ROOT / "manifests/schema/slotwise.json").read_text())


def mistakes(document):
    return [error.message for error in jsonschema.Draft202012Validator(SCHEMA).iter_errors(document)]


def main():
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    kinds = {}
    for path in sorted((ROOT / "examples").rglob("*.yaml")):
        for document in yaml.safe_load_all(path.read_text()):
            if not str(document.get("apiVersion", "")).startswith("slotwise.dev/"):
                continue
            found = mistakes(document)
            if found:
                sys.exit(f"{path}: {found}")
            kinds.setdefault(document["kind"], document)
    if sorted(kinds) != ["ChannelPool", "Destination", "DestinationTable", "RouterPool"]:
        sys.exit(f"the examples have {sorted(kinds)}")
    for kind, document in kinds.items():
        for mistyped in ({**document, "kind": "Chanel"}, {**document, "spec": {**document["spec"], "mistyped": 1}}):
            if not mistakes(mistyped):
                sys.exit(f"a mistake in a {kind} is not noticed")
        print(f"ok    {kind}")


main()
