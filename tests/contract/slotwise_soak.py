"""slotwise as a real process of several threads, at its default settings, while its calls queue for their turn.

    python slotwise_soak.py PATH_OF_SLOTWISE [--runs N] [--channels N] [--seconds N]

Each run is `slotwise run --once` on channels that its emulator invents, all of them cold: so calls wait at the rate limit
from the first look on. The simulation lives in one thread and in virtual time; what goes wrong between threads shows here
only. The runs go side by side, as each of them waits most of the time.

At ten calls a second 1 000 cold channels take about ten minutes. A run that has not converged by --seconds, and has come
as far as to act on channels, is asked to end by SIGTERM. It must end with 0 (converged) or 143 (asked to); another code,
another signal or no end is a failure, with the end of what it printed.
"""

import argparse
import os
import pathlib
import re
import signal
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / "bench"))
from stand import declare, environment  # noqa: E402

DESTINATIONS = 40
# Channels that the output names before a run is asked to end: it looks at all of them first, then acts.
NAMED_MIN = 100
# For runs on a machine that has other things to do as well.
LIMIT_S = 20 * 60
CHANNEL = re.compile(rb"\b4\d{6}\b")

class Run:
    """One process, and how it ended."""

    def __init__(self, number, slotwise, source, folder):
        self.number = number
        self.output = folder / f"run-{number}"
        self.asked = False
        command = [slotwise, "run", "--once", "--emulator", "--emulator-speed", "1000"]
        command += ["--emulator-seed", str(number), str(source)]
        with open(self.output, "wb") as out:
            self.process = subprocess.Popen(command, env=environment(), stdout=out, stderr=subprocess.STDOUT)

    def acts(self):
        return len(set(CHANNEL.findall(self.output.read_bytes()))) >= NAMED_MIN

    def ask_to_end(self):
        self.process.send_signal(signal.SIGTERM)
        self.asked = True

    def fault(self):
        """What is wrong with how it ended; nothing if that is as it should be."""
        code = self.process.poll()
        if code is None:
            self.process.kill()
            self.process.wait()
            return f"did not end within {LIMIT_S} s"
        if code < 0:
            return f"was ended by {signal.Signals(-code).name}"
        expected = (0, 143) if self.asked else (0,)
        return None if code in expected else f"ended with {code}"

    def report(self):
        fault = self.fault()
        how = fault or ("ended when asked to" if self.process.returncode else "converged")
        print(f"{'FAIL' if fault else 'ok  '}  run {self.number}: {how}")
        if fault:
            print("\n".join(self.output.read_text(errors="replace").splitlines()[-30:]))
        return fault is None


def main():
    arguments = argparse.ArgumentParser()
    arguments.add_argument("slotwise")
    arguments.add_argument("--runs", type=int, default=6)
    arguments.add_argument("--channels", type=int, default=1000)
    arguments.add_argument("--seconds", type=int, default=150)
    arguments = arguments.parse_args()
    begun = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        source = folder / "source"
        declare(source, arguments.channels, DESTINATIONS)
        runs = [Run(number + 1, arguments.slotwise, source, folder) for number in range(arguments.runs)]
        while any(run.process.poll() is None for run in runs) and time.monotonic() - begun < LIMIT_S:
            time.sleep(1)
            if time.monotonic() - begun >= arguments.seconds:
                for run in runs:
                    if not run.asked and run.process.poll() is None and run.acts():
                        run.ask_to_end()
        failed = [run for run in runs if not run.report()]
    used = os.times()
    print(
        f"{len(runs)} runs of {arguments.channels} channels, {len(failed)} failed;"
        f" {time.monotonic() - begun:.0f} s, of the processor {used.children_user + used.children_system:.0f} s"
    )
    sys.exit(1 if failed else 0)


main()
