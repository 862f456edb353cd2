"""slotwise as a user runs it, on channels that boto3 made, by endpoint URL.

    python slotwise_on_endpoint.py PATH_OF_SLOTWISE ENDPOINT_URL

Channels are made, looked at and edited by boto3 only; slotwise is the built binary. Prints a line per check and ends
with 1 at the first that fails.
"""

import json
import os
import pathlib
import subprocess
import sys
import tempfile
import time

import boto3

SLOTWISE, ENDPOINT = sys.argv[1:3]
KEY = "canary-k3y-4711"
medialive = boto3.client("medialive", endpoint_url=ENDPOINT)


def check(what, holds, detail=""):
    print(f"{'ok  ' if holds else 'FAIL'}  {what}")
    if not holds:
        sys.exit(f"{detail}")


def slotwise(*arguments, expect):
    """Runs slotwise and checks its exit code; gives both streams, in which no key may stand."""
    environment = dict(os.environ, AWS_ENDPOINT_URL_MEDIALIVE=ENDPOINT, TWITCH_KEY=KEY, NO_COLOR="1")
    done = subprocess.run([SLOTWISE, *arguments], env=environment, capture_output=True, text=True, timeout=300)
    both = done.stdout + done.stderr
    check(f"slotwise {' '.join(arguments)} ends with {expect}", done.returncode == expect, f"{done.returncode}\n{both}")
    check("  and shows no key", KEY not in both, both)
    return done.stdout, done.stderr


def rtmp_group(number):
    return {
        "Name": f"RTMP-Slot-{number}",
        "OutputGroupSettings": {"RtmpGroupSettings": {"RestartDelay": 15}},
        "Outputs": [
            {
                "OutputName": f"slot-{number}",
                "VideoDescriptionName": "video",
                "AudioDescriptionNames": ["audio"],
                "OutputSettings": {"RtmpOutputSettings": {"Destination": {"DestinationRefId": f"slot-{number}"}}},
            }
        ],
    }


def create_channel(name):
    source = medialive.create_input(
        Name=name, Type="URL_PULL", Sources=[{"Url": "https://source.example/live.m3u8"}]
    )["Input"]
    package = {
        "Name": "Package",
        "OutputGroupSettings": {"MediaPackageGroupSettings": {"Destination": {"DestinationRefId": "package"}}},
        "Outputs": [
            {
                "OutputName": "package",
                "VideoDescriptionName": "video",
                "AudioDescriptionNames": ["audio"],
                "OutputSettings": {"MediaPackageOutputSettings": {}},
            }
        ],
    }
    parked = [
        {"Id": f"slot-{n}", "Settings": [{"Url": "rtmp://127.0.0.1:1935/parked", "StreamName": f"{name}-{n}"}]}
        for n in (1, 2)
    ]
    channel = medialive.create_channel(
        Name=name,
        ChannelClass="SINGLE_PIPELINE",
        RoleArn="arn:aws:iam::111122223333:role/MediaLiveAccessRole",
        InputAttachments=[{"InputId": source["Id"], "InputAttachmentName": "source"}],
        InputSpecification={"Codec": "AVC", "Resolution": "HD", "MaximumBitrate": "MAX_10_MBPS"},
        Destinations=[{"Id": "package", "MediaPackageSettings": [{"ChannelId": "programme"}]}, *parked],
        EncoderSettings={
            "AudioDescriptions": [{"Name": "audio", "AudioSelectorName": "default"}],
            "VideoDescriptions": [{"Name": "video"}],
            "TimecodeConfig": {"Source": "SYSTEMCLOCK"},
            "OutputGroups": [package, rtmp_group(1), rtmp_group(2)],
        },
    )["Channel"]
    return channel["Id"]


def wait_for(channel, state):
    for _ in range(120):
        seen = medialive.describe_channel(ChannelId=channel)
        if seen["State"] == state:
            return seen
        time.sleep(0.5)
    sys.exit(f"channel {channel} did not become {state}: {seen['State']}")


POOL = """\
apiVersion: slotwise.dev/v1alpha1
kind: ChannelPool
metadata: {{ name: main }}
spec:
  channels: [{{ id: "{channel}" }}]
  slots: {{ outputGroups: "RTMP-Slot-*", parkingUrl: "rtmp://127.0.0.1:1935/parked" }}
"""

DESTINATION = """\
apiVersion: slotwise.dev/v1alpha1
kind: Destination
metadata: {{ name: twitch-main }}
spec: {{ pool: main, state: {state}, platform: twitch, streamKeyFrom: {{ env: TWITCH_KEY }} }}
"""


def main():
    channel = create_channel("contract")
    before = wait_for(channel, "IDLE")
    with tempfile.TemporaryDirectory() as folder:
        source = pathlib.Path(folder)
        (source / "pool.yaml").write_text(POOL.format(channel=channel))
        twitch = source / "twitch.yaml"
        twitch.write_text(DESTINATION.format(state="Streaming"))

        slotwise("validate", folder, expect=0)
        text, _ = slotwise("plan", folder, "--detailed-exitcode", expect=2)
        check("the plan names the slot", "RTMP-Slot-1" in text and "twitch-main" in text, text)
        check("a plan changes nothing", medialive.describe_channel(ChannelId=channel)["State"] == "IDLE")
        saved = str(source / "plan.json")
        slotwise("plan", folder, "--out", saved, expect=0)
        check("a saved plan holds no key", KEY not in pathlib.Path(saved).read_text())

        slotwise("apply", saved, "--yes", expect=0)
        after = wait_for(channel, "RUNNING")
        check("the role is kept", after["RoleArn"] == before["RoleArn"])
        check("what is no slot is kept", after["EncoderSettings"] == before["EncoderSettings"])
        check("the foreign destination is kept", after["Destinations"][0] == before["Destinations"][0])
        setting = after["Destinations"][1]["Settings"][0]
        check("the slot carries the key", setting["StreamName"] == KEY, setting)
        check("the channel is adopted", "slotwise.dev/owner" in after["Tags"], after["Tags"])

        slotwise("plan", folder, "--detailed-exitcode", expect=0)
        slotwise("apply", saved, "--yes", expect=3)
        status = json.loads(slotwise("status", folder, "--output", "json", expect=0)[0])
        check("status says Streaming", status["destinations"][0]["phase"] == "Streaming", status)
        text, _ = slotwise("explain", "twitch-main", folder, expect=0)
        check("explain names the slot", "RTMP-Slot-1" in text, text)

        twitch.write_text(DESTINATION.format(state="Ready"))
        slotwise("run", "--once", folder, expect=0)
        wait_for(channel, "IDLE")

        # The most dangerous minute of a new user: a channel that is live with another system's targets.
        # Nothing shows that slotwise held it: no tag, no parking name.
        now = medialive.describe_channel(ChannelId=channel)
        ours = [key for key in now["Tags"] if key.startswith("slotwise.dev/")]
        medialive.delete_tags(ResourceArn=after["Arn"], TagKeys=ours)
        live = now["Destinations"]
        for number, destination in enumerate(live):
            for setting in destination["Settings"]:
                if setting.get("Url", "").startswith("rtmp"):
                    setting["StreamName"] = f"undeclared-{number}"
        medialive.update_channel(ChannelId=channel, Destinations=live, RoleArn=before["RoleArn"])
        wait_for(channel, "IDLE")
        medialive.start_channel(ChannelId=channel)
        wait_for(channel, "RUNNING")
        twitch.write_text(DESTINATION.format(state="Streaming"))
        text, _ = slotwise("plan", folder, "--detailed-exitcode", expect=5)
        check("the plan says why it keeps off", "NotAdopted" in text, text)
        slotwise("run", "--once", folder, expect=5)
        untouched = medialive.describe_channel(ChannelId=channel)
        check("a live channel is left as it is", untouched["Destinations"] == live and untouched["State"] == "RUNNING")
        check("and is not adopted", "slotwise.dev/owner" not in untouched.get("Tags", {}))

    medialive.stop_channel(ChannelId=channel)
    wait_for(channel, "IDLE")
    medialive.delete_channel(ChannelId=channel)
    print("slotwise on an endpoint: all checks passed")


main()
