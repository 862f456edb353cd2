"""How `slotwise validate` grows with the destinations of one platform, each with a key of its own.

    python tests/bench/validate.py PATH_OF_SLOTWISE [--sizes N,N,...]

The destinations stand in one file or in one each, with the key inline or in a file; they name a platform or one URL.
Printed are the seconds of processor time for each size, and the growth from the smallest to the largest:
time ~ size^growth.
"""

import argparse
import itertools
import math
import os
import pathlib
import subprocess
import sys
import tempfile

POOL = """\
apiVersion: slotwise.dev/v1alpha1
kind: ChannelPool
metadata: {{ name: main }}
spec:
  slots: {{ outputGroups: "RTMP-Slot-*", parkingUrl: "rtmp://127.0.0.1:1935/parked" }}
  channels: [{channels}]
"""

DESTINATION = """\
apiVersion: slotwise.dev/v1alpha1
kind: Destination
metadata: {{ name: live-{number} }}
spec: {{ pool: main, state: Ready, {where}, {key} }}
"""

WHERE = {"platform": "platform: youtube", "url": 'url: "rtmp://203.0.113.7/live"'}
KEY = {"inline": "streamKey: abcd-{number:06}-wxyz", "key files": "streamKeyFrom: {{ file: keys/{number} }}"}


def declare(folder, size, where, key, in_one_file):
    channels = ", ".join(f'{{ id: "{4000001 + at}" }}' for at in range(min(size // 4 + 1, 1000)))
    (folder / "pool.yaml").write_text(POOL.format(channels=channels))
    if key == "key files":
        (folder / "keys").mkdir()
        for number in range(size):
            path = folder / "keys" / str(number)
            path.write_text(f"abcd-{number:06}-wxyz")
            path.chmod(0o600)
    documents = [
        DESTINATION.format(number=number, where=WHERE[where], key=KEY[key].format(number=number)) for number in range(size)
    ]
    if in_one_file:
        # A file may have 16 MiB.
        for at in range(0, size, 60_000):
            (folder / f"destinations-{at}.yaml").write_text("---\n".join(documents[at : at + 60_000]))
    else:
        for number, document in enumerate(documents):
            (folder / f"{number}.yaml").write_text(document)


def seconds(slotwise, folder):
    before = os.times()
    done = subprocess.run([slotwise, "validate", str(folder)], capture_output=True, text=True)
    after = os.times()
    if done.returncode != 0:
        sys.exit(f"validate ended with {done.returncode}: {done.stdout[-500:]}{done.stderr[-500:]}")
    return after.children_user + after.children_system - before.children_user - before.children_system


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("slotwise")
    parser.add_argument("--sizes", default="2000,4000,8000,16000")
    args = parser.parse_args()
    sizes = [int(size) for size in args.sizes.split(",")]
    for where, key, in_one_file in itertools.product(WHERE, KEY, (True, False)):
        took = []
        for size in sizes:
            with tempfile.TemporaryDirectory() as name:
                declare(pathlib.Path(name), size, where, key, in_one_file)
                took.append(min(seconds(args.slotwise, name) for _ in range(3)))
        growth = math.log(took[-1] / took[0]) / math.log(sizes[-1] / sizes[0])
        title = f"{where}, {key}, {'one file' if in_one_file else 'a file each'}"
        shown = "   ".join(f"{size} {one:.2f} s" for size, one in zip(sizes, took))
        print(f"{title:34}{shown}   time ~ size^{growth:.2f}")


if __name__ == "__main__":
    main()
