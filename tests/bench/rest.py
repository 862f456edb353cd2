"""What `slotwise run` costs while nothing happens: the share of a core that looking for changes takes.

    python tests/bench/rest.py PATH_OF_SLOTWISE [--destinations N] [--keys] [--seconds N]

N destinations that are off, each in a file of its own (with `--keys` with a key file each), on the emulator. Printed are
the share of a core over the time at rest, taken from /proc, how soon a change of one file is acted on, and the peak memory.
"""

import argparse
import hashlib
import os
import pathlib
import subprocess
import tempfile
import time

POOL = """\
apiVersion: slotwise.dev/v1alpha1
kind: ChannelPool
metadata: { name: main }
spec:
  slots: { outputGroups: "RTMP-Slot-*", parkingUrl: "rtmp://127.0.0.1:1935/parked" }
  channels: [{ id: "4000001" }]
"""

DESTINATION = """\
apiVersion: slotwise.dev/v1alpha1
kind: Destination
metadata: {{ name: live-{number} }}
spec: {{ pool: main, state: {state}, url: "rtmp://203.0.113.7/live-{number}", {key} }}
"""

# Until the first look is over and its log is written.
SETTLE_S = 20
LIMIT_S = 120


def destination(number, state, with_key_file):
    key = f"streamKeyFrom: {{ file: ../keys/{number} }}" if with_key_file else f"streamKey: key-of-{number}"
    return DESTINATION.format(number=number, state=state, key=key)


def declare(folder, count, with_key_files):
    (folder / "live").mkdir()
    (folder / "keys").mkdir()
    (folder / "live" / "pool.yaml").write_text(POOL)
    for number in range(count):
        (folder / "live" / f"{number}.yaml").write_text(destination(number, "Ready", with_key_files))
        if with_key_files:
            path = folder / "keys" / str(number)
            path.write_text(hashlib.sha256(str(number).encode()).hexdigest()[:20])
            path.chmod(0o600)


def seconds_of_cpu(pid):
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def peak_megabytes(pid):
    status = pathlib.Path(f"/proc/{pid}/status").read_text()
    line = next(line for line in status.splitlines() if line.startswith("VmHWM:"))
    return int(line.split()[1]) / 1024


def wait_for(log, text, start=0):
    """How many seconds it took until `text` stood in the log behind `start`."""
    began = time.monotonic()
    while time.monotonic() - began < LIMIT_S:
        if text in log.read_text(errors="replace")[start:]:
            return time.monotonic() - began
        time.sleep(0.02)
    raise SystemExit(f"not within {LIMIT_S} s: {text}\n{log.read_text(errors='replace')[-2000:]}")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("slotwise")
    parser.add_argument("--destinations", type=int, default=10_000)
    parser.add_argument("--keys", action="store_true")
    parser.add_argument("--seconds", type=float, default=60)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        declare(folder, args.destinations, args.keys)
        log = folder / "log"
        environment = dict(os.environ, XDG_RUNTIME_DIR=name, XDG_STATE_HOME=name)
        command = [args.slotwise, "run", "--emulator", str(folder / "live"), "--listen", "127.0.0.1:0"]
        with log.open("w") as out:
            daemon = subprocess.Popen(command, stdout=out, stderr=out, env=environment)
        try:
            wait_for(log, "converged")
            time.sleep(SETTLE_S)
            before, began = seconds_of_cpu(daemon.pid), time.monotonic()
            time.sleep(args.seconds)
            share = (seconds_of_cpu(daemon.pid) - before) / (time.monotonic() - began)
            told = len(log.read_text(errors="replace"))
            (folder / "live" / "0.yaml").write_text(destination(0, "Streaming", args.keys))
            noticed = wait_for(log, "live-0", told)
            print(f"at rest {share:.2%} of a core   a change is told after {noticed:.2f} s   peak {peak_megabytes(daemon.pid):.0f} MB")
        finally:
            daemon.terminate()
            daemon.wait()


if __name__ == "__main__":
    main()
