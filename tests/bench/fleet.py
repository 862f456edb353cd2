"""What a large account costs in calls: an emulator in a process of its own, and slotwise beside it.

    python tests/bench/fleet.py PATH_OF_SLOTWISE [--channels N] [--rps N] [--speed N] [--plan] [--seconds N]

All channels are stopped, parked and without tags, and each has a destination that is wanted on air. The floor is one
Describe, CreateTags, Update and Start for each channel. Printed are the calls of each operation, their ratio to the
floor, and when the first Start came; with `--plan` how long `slotwise plan` took. Read the ratios: how long it takes
depends on the machine, too.
"""

import argparse
import pathlib
import subprocess
import sys
import tempfile
import threading
import time

from stand import Emulator, declare

FLOOR = ("DescribeChannel", "CreateTags", "UpdateChannel", "StartChannel")


def first_start(emulator, begun, found, ended):
    """When the first Start was made, looked at from outside."""
    while not found and not ended.is_set():
        if emulator.counts().get("StartChannel"):
            found.append(time.monotonic() - begun)
        time.sleep(0.2)


def timed(command, emulator, seconds):
    found, ended, begun = [], threading.Event(), time.monotonic()
    watcher = threading.Thread(target=first_start, args=(emulator, begun, found, ended))
    watcher.start()
    with tempfile.TemporaryFile() as out:
        try:
            code = subprocess.run(command, env=emulator.environment(), stdout=out, stderr=out, timeout=seconds).returncode
        except subprocess.TimeoutExpired:
            code = "cut off"
        out.seek(0)
        text = out.read().decode(errors="replace")
    took = time.monotonic() - begun
    ended.set()
    watcher.join()
    if code not in (0, "cut off"):
        print("\n".join(text.splitlines()[-20:]), file=sys.stderr)
    return code, took, found[0] if found else None


def run(arguments, emulator, source, lock):
    command = [arguments.slotwise]
    if arguments.plan:
        command += ["plan"]
    else:
        command += ["run", "--once", "--timeout", "3600s", "--lock-file", str(lock), "--transition-interval", "5s"]
    command += ["--medialive-rps", str(arguments.rps), str(source)]
    code, took, started = timed(command, emulator, arguments.seconds)
    counts = emulator.counts()
    total = sum(counts.values())
    floor = sum(min(counts.get(name, 0), arguments.channels) for name in FLOOR) + counts.get("ListChannels", 0)
    print(f"{arguments.channels} channels, {arguments.rps} calls/s: {code}, {took:.1f} s")
    print("  " + "  ".join(f"{name} {count}" for name, count in sorted(counts.items())))
    if not arguments.plan:
        least = len(FLOOR) * arguments.channels / arguments.rps
        first = "never" if started is None else f"after {started:.1f} s"
        print(f"  {total} calls, {total / floor:.2f} x floor with lists; {took / least:.2f} x its {least:.0f} s; first Start {first}")


def main():
    arguments = argparse.ArgumentParser()
    arguments.add_argument("slotwise")
    arguments.add_argument("--channels", type=int, default=1000)
    arguments.add_argument("--rps", type=float, default=20)
    arguments.add_argument("--speed", type=float, default=60)
    arguments.add_argument("--seconds", type=float, default=1800)
    arguments.add_argument("--plan", action="store_true")
    arguments = arguments.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        source = folder / "source"
        declare(source, arguments.channels, arguments.channels)
        emulator = Emulator(arguments.slotwise, source, arguments.speed)
        try:
            run(arguments, emulator, source, folder / "lock")
        finally:
            emulator.end()


main()
