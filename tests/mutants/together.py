"""Builds all breaks of a crate at once, and shows one after the other to its tests. For pure.sh.

A build and a link per break cost ten times what the tests do. So every function that can be broken gets one body per
break and chooses by the environment variable BREAK:

    { match crate::broken::by() { 17 => { BODY WITH BREAK 17 } 18 => { … } _ => { BODY } } }

    together.py CRATE BREAKS RESULTS

CRATE is changed in place. BREAKS is what `cargo mutants --list --json` prints. RESULTS has a file for each outcome with
the names of the breaks, one a line; those in caught.txt and unviable.txt are not tried again.
"""

import json
import os
import pathlib
import re
import signal
import subprocess
import sys
from collections import defaultdict

# Which tests, one group after the other until one notices, and for how many seconds of the processor: a busy machine
# changes nothing. Unbroken they take less than one, two, and ten.
TESTS = [
    (["--skip", "properties", "--skip", "bruteforce"], 10),
    (["plan::properties"], 30),
    (["plan_properties", "bruteforce"], 100),
]
MEMORY_LIMIT_KIB = 4 << 20

BROKEN = """//! Which break is in force.
use std::sync::LazyLock;

static BY: LazyLock<usize> = LazyLock::new(|| std::env::var("BREAK").map_or(0, |by| by.parse().unwrap()));

pub(crate) fn by() -> usize {
    *BY
}
"""


def offset(text, place):
    """Of a line and column, both from 1."""
    lines = text.split("\n")
    return sum(len(line) + 1 for line in lines[: place["line"] - 1]) + place["column"] - 1


def span(text, one):
    return offset(text, one["start"]), offset(text, one["end"])


def body(text, function):
    """The span of a function's body with its braces. No signature of ours holds a brace."""
    start, end = span(text, function["span"])
    return text.index("{", text.index("fn ", start)), text.rindex("}", start, end) + 1


def write_together(source, text, breaks):
    """Writes the file with all its breaks; gives the lines of each. Functions in functions count to the outer one."""
    groups = defaultdict(list)
    for number, one in sorted(breaks.items()):
        groups[body(text, one["function"])].append((number, one))
    outer = [one for one in groups if not any(o[0] < one[0] and one[1] < o[1] for o in groups)]
    for inner in set(groups) - set(outer):
        around = next(o for o in outer if o[0] < inner[0] and inner[1] < o[1])
        groups[around] += groups[inner]
    out, places, at = [], {}, 0
    for start, end in sorted(outer):
        # Each body with an iterator would be a type of its own.
        opaque = re.match("-> impl (Iterator.*)", groups[start, end][0][1]["function"]["return_type"])
        before, after = ("Box::new(", ")") if opaque else ("", "")
        out.append(text[at:start] + "{ ")
        lifetime = "" if opaque and re.search(r"\+\s*'\w+$", opaque[1]) else " + '_"
        out.append(f"let opaque: Box<dyn {opaque[1]}{lifetime}> = " if opaque else "")
        out.append("match crate::broken::by() {\n")
        for number, one in groups[start, end]:
            first, last = span(text, one["span"])
            arm = f"{number} => {before}{text[start:first]}{one['replacement']}{text[last:end]}{after},\n"
            line = "".join(out).count("\n") + 1
            places[number] = range(line, line + arm.count("\n"))
            out.append(arm)
        out.append(f"_ => {before}{text[start:end]}{after}\n}}{'; opaque' if opaque else ''} }}")
        at = end
    source.write_text("".join(out) + text[at:])
    return places


def build(crate):
    """The test binary, or the places of what does not compile."""
    command = ["cargo", "test", "--lib", "--no-run", "--message-format=json"]
    done = subprocess.run(command, cwd=crate, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    binary, errors = None, []
    for line in done.stdout.splitlines():
        message = json.loads(line)
        if message["reason"] == "compiler-artifact" and message["target"]["name"] == "slotwise":
            binary = message["executable"]
        if message["reason"] == "compiler-message" and message["message"]["level"] == "error":
            errors.append(message["message"])
    return (binary, []) if done.returncode == 0 else (None, errors)


def at_fault(error, places):
    """The break whose lines an error points at."""
    todo = sorted(error["spans"], key=lambda one: not one["is_primary"])
    for one in todo:
        while one:
            for number, lines in places.get(one["file_name"], {}).items():
                if one["line_start"] in lines:
                    return number
            one = one["expansion"] and one["expansion"]["span"]
    return None


def build_together(crate, breaks, say):
    """The test binary with every break that compiles, and these; says which do not."""
    texts = {file: (crate / file).read_text() for file in {one["file"] for one in breaks.values()}}
    lib = crate / "src/lib.rs"
    (crate / "src/broken.rs").write_text(BROKEN)
    lib.write_text(lib.read_text() + "\nmod broken;\n")
    left = dict(breaks)
    while True:
        places = {}
        for file, text in texts.items():
            own = {number: one for number, one in left.items() if one["file"] == file}
            places[file] = write_together(crate / file, text, own)
        binary, errors = build(crate)
        if binary:
            return binary, left
        faulty = {at_fault(error, places) for error in errors} - {None}
        if not faulty:
            sys.exit("\n".join(error["rendered"] for error in errors))
        for number in sorted(faulty):
            say("unviable", left.pop(number))


def outcome(crate, binary, number):
    """Whether a break is caught or missed, or the tests take too long."""
    env = {**os.environ, "BREAK": str(number), "INSTA_UPDATE": "no", "RUST_BACKTRACE": "0"}
    for tests, limit in TESTS:
        command = f"ulimit -t {limit} -v {MEMORY_LIMIT_KIB}; exec {binary} -q {' '.join(tests)}"
        code = subprocess.run(["bash", "-c", command], cwd=crate, env=env, capture_output=True).returncode
        if code:
            return "timeout" if -code in (signal.SIGXCPU, signal.SIGKILL) else "caught"
    return "missed"


def main():
    crate, breaks, results = map(pathlib.Path, sys.argv[1:])
    known = {one for list in ("caught", "unviable") for one in (results / f"{list}.txt").read_text().splitlines()}
    breaks = [one for one in json.loads(breaks.read_text()) if one["name"] not in known]
    breaks = dict(enumerate(breaks, 1))

    def say(outcome, one):
        with (results / f"{outcome}.txt").open("a") as file:
            print(one["name"], file=file)

    binary, viable = build_together(crate, breaks, say)
    assert outcome(crate, binary, 0) == "missed", "the tests fail although nothing is broken"
    for number, one in viable.items():
        say(outcome(crate, binary, number), one)


main()
