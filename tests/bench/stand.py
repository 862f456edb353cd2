"""What every test with slotwise as a process of its own needs: something declared, and an emulator in another process."""

import hashlib
import json
import os
import re
import subprocess
import time
import urllib.error
import urllib.request

FIRST_CHANNEL = 4000001

POOL = """\
apiVersion: slotwise.dev/v1alpha1
kind: ChannelPool
metadata: {{ name: main }}
spec:
  slots: {{ outputGroups: "{groups}", parkingUrl: "rtmp://127.0.0.1:1935/parked" }}
  disruption: {{ interrupt: {interrupt} }}
  channels:
{channels}
"""

DESTINATION = """\
apiVersion: slotwise.dev/v1alpha1
kind: Destination
metadata: {{ name: live-{number} }}
spec: {{ pool: main, state: {state}, url: "{url}", streamKeyFrom: {{ file: keys/{number} }}{more} }}
"""

URL = "rtmp://203.0.113.7/live"


def key(number):
    """The stream key of destination `number`, another one for each."""
    return hashlib.sha256(str(number).encode()).hexdigest()[:20]


def declare_pool(folder, channels, interrupt="Never", groups="RTMP-Slot-*"):
    ids = "\n".join(f'    - {{ id: "{FIRST_CHANNEL + at}" }}' for at in range(channels))
    (folder / "pool.yaml").write_text(POOL.format(channels=ids, interrupt=interrupt, groups=groups))


def declare_keys(folder, destinations):
    (folder / "keys").mkdir()
    for number in range(destinations):
        path = folder / "keys" / str(number)
        path.write_text(key(number))
        path.chmod(0o600)


def destination(number, state="Streaming", more=""):
    return DESTINATION.format(number=number, state=state, url=URL, more=more)


def declare(folder, channels, destinations):
    """A pool of so many channels, and so many destinations that are wanted on air."""
    folder.mkdir()
    declare_pool(folder, channels)
    declare_keys(folder, destinations)
    (folder / "destinations.yaml").write_text("---\n".join(destination(number) for number in range(destinations)))


def environment(**more):
    """Of slotwise's and AWS's own variables none but those given: default settings."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("SLOTWISE_", "AWS_"))}
    return {**kept, "NO_COLOR": "1", **more}


class Emulator:
    """A MediaLive in a process of its own that begins with the channels of `source`."""

    def __init__(self, slotwise, source, speed):
        command = [slotwise, "emulator", "--listen", "127.0.0.1:0", "--speed", str(speed)]
        self.process = subprocess.Popen([*command, str(source)], stdout=subprocess.PIPE, text=True)
        self.url = re.search(r"http://\S+?(?=,)", self.process.stdout.readline()).group()

    def ask(self, method, path, body=None):
        """A call, made again as long as there are too many."""
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.url + path, method=method, data=data)
        request.add_header("content-type", "application/json")
        while True:
            try:
                with urllib.request.urlopen(request) as answer:
                    return json.loads(answer.read() or "null")
            except urllib.error.HTTPError as error:
                if error.code != 429:
                    raise
            time.sleep(0.1)

    def counts(self):
        """Calls so far, by operation."""
        return self.ask("GET", "/_emulator/calls")["counts"]

    def environment(self):
        return environment(
            AWS_ENDPOINT_URL_MEDIALIVE=self.url,
            AWS_REGION="us-east-1",
            AWS_ACCESS_KEY_ID="emulator",
            AWS_SECRET_ACCESS_KEY="emulator",
        )

    def end(self):
        self.process.terminate()
        self.process.wait()
