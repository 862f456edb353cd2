"""An evening of switches: slotwise against what people do without it, each on an emulator in a process of its own.

    python tests/bench/evening.py PATH_OF_SLOTWISE [--speed N] [--seed N] [--hours N] [--only NAME ...]

Eight destinations are switched on and off, 40 switches in three hours, at the same moments for everybody:

- slotwise on four channels of three slots, which never interrupts (Never) or may at any time (Anytime);
- one channel with a slot for each destination, which somebody stops, updates and starts for each switch;
- one channel for each destination, which is started and stopped.

Printed are calls to MediaLive; how many wanted destinations were taken off air; how long it took from the switch to on
air (those who were on air already count as 0 s); how many were not on air before they were switched off again; hours on air
without being wanted; hours of running channels, and of their outputs, which are billed. A watcher beside each takes the
times from the emulator. All times are MediaLive's own. The time that slotwise itself waits for further switches, a good
second, is not sped up and counts --speed times.
"""

import argparse
import math
import pathlib
import random
import signal
import statistics
import subprocess
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import stand
from stand import FIRST_CHANNEL, Emulator

DESTINATIONS = 8
SWITCHES = 40
# A destination stays as it is for so long at least, in seconds of MediaLive.
APART_S = 600
# What is begun at the end is waited for so long.
ENDING_S = 900
# As slotwise's default, and the waiters of AWS's SDKs: seconds between two looks at a channel on its way.
LOOK_S = 5


def draw_evening(seed, seconds):
    """Switches in order of time: when, which destination, on or off. Everything is off before and after."""
    chance = random.Random(seed)
    switches = []
    for number in range(DESTINATIONS):
        count = SWITCHES // DESTINATIONS
        # Each is switched on as often as off.
        count += 1 if number % 2 else -1
        slack = seconds - count * APART_S
        times = sorted(chance.uniform(0, slack) for _ in range(count))
        switches += [(moment + at * APART_S, number, at % 2 == 0) for at, moment in enumerate(times)]
    return sorted(switches)


class Watcher:
    """Sees which channel runs when, and what it carries."""

    def __init__(self, emulator):
        self.emulator = emulator
        self.ended = threading.Event()
        self.running = {}
        self.spans = []
        self.looks = 0
        self.watching = ThreadPoolExecutor(1).submit(self.watch)

    def watch(self):
        while not self.ended.is_set():
            self.look()
            time.sleep(0.25)

    def look(self):
        for channel in self.emulator.ask("GET", "/_emulator/state")["channels"]:
            name, state, since = channel["id"], channel["state"], channel["sinceSeconds"]
            if state == "RUNNING" and name not in self.running:
                self.running[name] = (since, *self.carried(name))
            if state != "RUNNING" and name in self.running:
                self.spans.append((*self.running.pop(name), since))

    def carried(self, name):
        """Destinations that a channel points at, and how many outputs it has."""
        self.looks += 1
        found = self.emulator.ask("GET", f"/prod/channels/{name}")
        names = {setting.get("streamName") for one in found["destinations"] for setting in one.get("settings") or ()}
        outputs = sum(len(group["outputs"]) for group in found["encoderSettings"]["outputGroups"])
        return {number for number in range(DESTINATIONS) if stand.key(number) in names}, outputs

    def end(self, now):
        """Everything that ran: since when, what it carried, how many outputs, until when."""
        self.ended.set()
        self.watching.result()
        self.look()
        return self.spans + [(*one, now) for one in self.running.values()]


class Contender:
    """Somebody who is told of switches, on an emulator of its own."""

    interrupt = "Never"
    channels = 1
    groups = "RTMP-Slot-*"
    pinned = False

    def __init__(self, slotwise, folder, speed):
        self.slotwise, self.folder, self.speed = slotwise, folder, speed
        self.source = folder / "source"
        self.source.mkdir()
        stand.declare_pool(self.source, self.channels, self.interrupt, self.groups)
        stand.declare_keys(self.source, DESTINATIONS)
        for number in range(DESTINATIONS):
            self.write(number, False)
        self.emulator = Emulator(slotwise, self.source, speed)
        self.prepare()

    def write(self, number, is_on):
        pin = f', pin: {{ channel: "{FIRST_CHANNEL}", outputGroup: RTMP-Slot-{number + 1} }}' if self.pinned else ""
        text = stand.destination(number, "Streaming" if is_on else "Ready", pin)
        new = self.folder / "new"
        new.write_text(text)
        new.replace(self.source / f"live-{number}.yaml")

    def now(self):
        return self.emulator.ask("GET", "/_emulator/clock")["elapsedSeconds"]

    def live(self, switches):
        """Lives through the evening; what it came to."""
        self.emulator.ask("DELETE", "/_emulator/calls")
        watcher = Watcher(self.emulator)
        begun, moments = self.now(), []
        self.begin()
        for at, number, is_on in switches:
            time.sleep(max(0, begun + at - self.now()) / self.speed)
            moments.append((self.now(), number, is_on))
            self.switch(number, is_on)
        time.sleep(ENDING_S / self.speed)
        self.end()
        spans = watcher.end(self.now())
        counts = self.emulator.counts()
        counts["DescribeChannel"] = counts.get("DescribeChannel", 0) - watcher.looks
        self.emulator.end()
        return Result(counts, moments, spans)

    def prepare(self):
        """What was done long before the evening."""

    def begin(self):
        pass

    def end(self):
        pass


class Slotwise(Contender):
    channels = 4

    def begin(self):
        command = [self.slotwise, "run", str(self.source), "--lock-file", str(self.folder / "lock")]
        command += ["--interval", f"{60_000 // self.speed}ms", "--transition-interval", f"{1000 * LOOK_S // self.speed}ms"]
        self.output = open(self.folder / "output", "wb")
        environment = self.emulator.environment()
        self.process = subprocess.Popen(command, env=environment, stdout=self.output, stderr=subprocess.STDOUT)

    def switch(self, number, is_on):
        self.write(number, is_on)

    def end(self):
        self.process.send_signal(signal.SIGTERM)
        code = self.process.wait()
        self.output.close()
        if code != 143:
            raise SystemExit(f"slotwise ended with {code}:\n{(self.folder / 'output').read_text()[-2000:]}")


class Anytime(Slotwise):
    interrupt = "Anytime"


class Person(Contender):
    """One thing after the other, and each channel by itself, as a script with AWS's own tools does."""

    def begin(self):
        names = [str(FIRST_CHANNEL + at) for at in range(self.channels)]
        self.wanted = {channel: frozenset() for channel in names}
        self.switched = threading.Condition()
        self.is_over = False
        pool = ThreadPoolExecutor(len(names))
        self.hands = [pool.submit(self.work, channel) for channel in names]

    def switch(self, number, is_on):
        channel = str(FIRST_CHANNEL + self.channel_of(number))
        with self.switched:
            before = self.wanted[channel]
            self.wanted[channel] = before | {number} if is_on else before - {number}
            self.switched.notify_all()

    def work(self, channel):
        """Carries out what is wanted of a channel by now, whenever that has changed."""
        carried = frozenset()
        while True:
            with self.switched:
                self.switched.wait_for(lambda: self.wanted[channel] != carried or self.is_over)
                wanted = self.wanted[channel]
            if wanted == carried:
                return
            self.carry_out(channel, wanted)
            carried = wanted

    def end(self):
        with self.switched:
            self.is_over = True
            self.switched.notify_all()
        for hand in self.hands:
            hand.result()

    def describe(self, channel):
        return self.emulator.ask("GET", f"/prod/channels/{channel}")

    def until(self, channel, state):
        while self.describe(channel)["state"] != state:
            time.sleep(LOOK_S / self.speed)

    def stop(self, channel):
        self.emulator.ask("POST", f"/prod/channels/{channel}/stop")
        self.until(channel, "IDLE")

    def start(self, channel):
        self.emulator.ask("POST", f"/prod/channels/{channel}/start")
        self.until(channel, "RUNNING")

    def update(self, channel, found, wanted):
        """Points the slot of each destination at it, or at its parking place."""
        refs = {
            group["name"]: group["outputs"][0]["outputSettings"]["rtmpOutputSettings"]["destination"]["destinationRefId"]
            for group in found["encoderSettings"]["outputGroups"]
            if "rtmpGroupSettings" in group["outputGroupSettings"]
        }
        for number in range(DESTINATIONS):
            ref = refs.get(f"RTMP-Slot-{self.slot_of(number)}")
            if ref is None or self.channel_of(number) != int(channel) - FIRST_CHANNEL:
                continue
            target = {"url": stand.URL, "streamName": stand.key(number)}
            parked = {"url": "rtmp://127.0.0.1:1935/parked", "streamName": f"parked-{number}"}
            next(one for one in found["destinations"] if one["id"] == ref)["settings"] = [target if number in wanted else parked]
        body = {name: found[name] for name in ("destinations", "name", "roleArn") if name in found}
        self.emulator.ask("PUT", f"/prod/channels/{channel}", body)
        self.until(channel, "IDLE")


class StopUpdateStart(Person):
    pinned = True

    def channel_of(self, _):
        return 0

    def slot_of(self, number):
        return number + 1

    def carry_out(self, channel, wanted):
        found = self.describe(channel)
        if found["state"] == "RUNNING":
            self.stop(channel)
        self.update(channel, found, wanted)
        if wanted:
            self.start(channel)


class ChannelEach(Person):
    channels = DESTINATIONS
    groups = "RTMP-Slot-1"

    def channel_of(self, number):
        return number

    def slot_of(self, _):
        return 1

    def prepare(self):
        for number in range(DESTINATIONS):
            channel = str(FIRST_CHANNEL + number)
            self.update(channel, self.describe(channel), {number})

    def carry_out(self, channel, wanted):
        (self.start if wanted else self.stop)(channel)


class Result:
    def __init__(self, counts, moments, spans):
        self.calls = sum(counts.values())
        self.lists = counts.get("ListChannels", 0)
        self.switches = len(moments)
        self.wishes = wishes(moments)
        self.spans = spans

    def row(self, name):
        waits = [self.wait(*wish) for wish in self.wishes]
        served = [wait for wait in waits if wait is not None]
        hours = [(until - since) / 3600 for since, _, _, until in self.spans]
        output_hours = sum(time * outputs for time, (_, _, outputs, _) in zip(hours, self.spans))
        return (
            f"| {name} | {self.calls} ({self.calls / self.switches:.1f}) | {self.lists} | {self.interruptions()}"
            f" | {statistics.median(served):.0f} / {max(served):.0f} | {len(waits) - len(served)} | {self.unwanted():.1f}"
            f" | {sum(hours):.1f} | {output_hours:.1f} |"
        )

    def wait(self, number, since, until):
        """Seconds until a destination that was switched on was on air; None if it was switched off before."""
        on_air = [begun for begun, carried, _, ended in self.spans if number in carried and begun < until and ended > since]
        return max(0, min(on_air) - since) if on_air else None

    def interruptions(self):
        """How often a wanted destination was taken off air."""
        lost = 0
        for begun, carried, _, ended in self.spans:
            is_wanted = {number for number, since, until in self.wishes if since < ended < until}
            others = (other for other in self.spans if other[0] < ended < other[3])
            stays = set().union(*(other[1] for other in others))
            lost += len((carried & is_wanted) - stays)
        return lost

    def unwanted(self):
        """Hours that destinations were on air without being wanted."""
        total = 0
        for begun, carried, _, ended in self.spans:
            for number in carried:
                mine = (wish for wish in self.wishes if wish[0] == number)
                total += ended - begun - sum(max(0, min(ended, until) - max(begun, since)) for _, since, until in mine)
        return total / 3600


def wishes(moments):
    """Which destination was wanted, from when to when."""
    found, since = [], {}
    for at, number, is_on in moments:
        if is_on:
            since[number] = at
        else:
            found.append((number, since.pop(number), at))
    return found + [(number, at, math.inf) for number, at in since.items()]


CONTENDERS = {
    "slotwise, `Never`": Slotwise,
    "slotwise, `Anytime`": Anytime,
    "stop, update, start": StopUpdateStart,
    "a channel each": ChannelEach,
}

HEAD = """\
| {switches} switches in {hours:g} h | calls (a switch) | of them lists | interruptions | s to on air, median / worst | never on air | h on air unwanted | channel-hours | output-hours |
|---|---|---|---|---|---|---|---|---|"""


def main():
    arguments = argparse.ArgumentParser()
    arguments.add_argument("slotwise")
    arguments.add_argument("--speed", type=int, default=10)
    arguments.add_argument("--seed", type=int, default=1)
    arguments.add_argument("--hours", type=float, default=3)
    arguments.add_argument("--only", nargs="*", default=list(CONTENDERS), choices=list(CONTENDERS))
    arguments = arguments.parse_args()
    switches = draw_evening(arguments.seed, arguments.hours * 3600)
    with tempfile.TemporaryDirectory() as folder:

        def live(at, name):
            place = pathlib.Path(folder) / str(at)
            place.mkdir()
            return CONTENDERS[name](arguments.slotwise, place, arguments.speed).live(switches)

        # Side by side, as each of them waits most of the time.
        with ThreadPoolExecutor() as pool:
            evenings = [pool.submit(live, *one) for one in enumerate(arguments.only)]
        results = [evening.result() for evening in evenings]
    print(HEAD.format(switches=len(switches), hours=arguments.hours))
    for name, result in zip(arguments.only, results):
        print(result.row(name))


main()
