"""The emulator as boto3 sees it.

    python3 tests/contract/medialive_contract.py http://127.0.0.1:4570

Needs boto3 and an emulator that this script may fill and empty; `slotwise emulator --speed 60` is a good one.
botocore checks the shape of every answer it parses; what it ignores is checked here on the raw reply.
Only the standard library and boto3 are used, so that one virtual environment is all it takes.
"""

import contextlib
import datetime
import json
import re
import sys
import time
import urllib.error
import urllib.request

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError, HTTPClientError, WaiterError
from botocore.session import Session

ROLE = "arn:aws:iam::111122223333:role/MediaLiveAccessRole"

# Under the account's 20 calls a second, retries left to the script: an unexpected 429 is a failure.
PACE_SECONDS = 0.06


def connect(endpoint):
    client = boto3.client(
        "medialive",
        endpoint_url=endpoint,
        region_name="us-east-1",
        aws_access_key_id="test",
        aws_secret_access_key="test",
        config=Config(retries={"total_max_attempts": 1}, parameter_validation=True),
    )
    client.meta.events.register("before-send.medialive", lambda **_: time.sleep(PACE_SECONDS))
    client.meta.events.register("after-call.medialive", check_raw)
    return client


def check_raw(http_response, model, **_):
    """The reply as it was sent: nothing in it that the service model does not know, every type as modelled."""
    if http_response.status_code >= 300:
        assert http_response.headers.get("x-amzn-errortype"), "an error without a type"
    elif http_response.status_code == 204:
        assert not http_response.content, "204 has no body"
    else:
        assert http_response.status_code == model.http["responseCode"], (model.name, http_response.status_code)
        compare(json.loads(http_response.content), model.output_shape, model.name)


TYPES = {"string": str, "integer": int, "long": int, "boolean": bool, "timestamp": str}


def compare(value, shape, path):
    kind = shape.type_name
    if kind == "structure":
        known = {member.serialization.get("name", name): member for name, member in shape.members.items()}
        assert isinstance(value, dict), f"{path} is no object"
        for key, inner in value.items():
            assert key in known, f"{path}.{key} is not in the service model"
            compare(inner, known[key], f"{path}.{key}")
    elif kind == "list":
        for index, inner in enumerate(value):
            compare(inner, shape.member, f"{path}[{index}]")
    elif kind == "map":
        for key, inner in value.items():
            compare(inner, shape.value, f"{path}[{key}]")
    elif kind in ("double", "float"):
        assert isinstance(value, (int, float)), f"{path}: {value!r} is no number"
    else:
        assert isinstance(value, TYPES[kind]), f"{path}: {value!r} is no {kind}"
        assert not getattr(shape, "enum", None) or value in shape.enum, f"{path}: {value!r} is none of {shape.enum}"


def script(endpoint, method, path, body=None):
    """Calls one of the emulator's own endpoints."""
    data = None if body is None else json.dumps(body).encode()
    headers = {"Content-Type": "application/json"}
    request = urllib.request.Request(endpoint + "/_emulator/" + path, data=data, headers=headers, method=method)
    with urllib.request.urlopen(request) as reply:
        return json.load(reply)


@contextlib.contextmanager
def real_time(endpoint):
    """Holds transitions at MediaLive's own speed, so that a state on the way can be looked at."""
    speed = script(endpoint, "GET", "clock")["speed"]
    script(endpoint, "POST", "clock", {"speed": 1})
    try:
        yield
    finally:
        script(endpoint, "POST", "clock", {"speed": speed})


def refused(code, call, text=""):
    """The call fails with this error type; answers the error."""
    try:
        call()
    except ClientError as error:
        got = error.response["Error"]
        assert got["Code"] == code, f"expected {code}, got {got}"
        assert text in got["Message"], f"expected {text!r} in {got['Message']!r}"
        meta = error.response["ResponseMetadata"]
        assert meta["RequestId"] and meta["HTTPHeaders"]["x-amzn-errortype"] == code, meta
        return error
    raise AssertionError(f"expected {code}, the call succeeded")


def rtmp_destination(number, stream="parked"):
    return {
        "Id": f"slot-{number}",
        "Settings": [{"Url": "rtmp://127.0.0.1:1935/parked", "StreamName": f"{stream}-{number}"}],
    }


def rtmp_group(number):
    return {
        "Name": f"RTMP-Slot-{number}",
        "OutputGroupSettings": {"RtmpGroupSettings": {}},
        "Outputs": [
            {
                "OutputName": f"slot-{number}",
                "VideoDescriptionName": "video",
                "AudioDescriptionNames": ["audio"],
                "OutputSettings": {"RtmpOutputSettings": {"Destination": {"DestinationRefId": f"slot-{number}"}}},
            }
        ],
    }


def channel_request(name, input_id, slots=2):
    numbers = range(1, slots + 1)
    return {
        "Name": name,
        "ChannelClass": "SINGLE_PIPELINE",
        "RoleArn": ROLE,
        "InputAttachments": [{"InputId": input_id, "InputAttachmentName": "main"}],
        "InputSpecification": {"Codec": "AVC", "Resolution": "HD", "MaximumBitrate": "MAX_10_MBPS"},
        "Destinations": [rtmp_destination(number) for number in numbers],
        "EncoderSettings": {
            "AudioDescriptions": [{"Name": "audio", "AudioSelectorName": "default"}],
            "VideoDescriptions": [{"Name": "video"}],
            "TimecodeConfig": {"Source": "EMBEDDED"},
            "OutputGroups": [rtmp_group(number) for number in numbers],
        },
        "Tags": {"Team": "contract"},
    }


def wait(client, name, **ids):
    client.get_waiter(name).wait(**ids, WaiterConfig={"Delay": 1, "MaxAttempts": 120})


def updated(client, channel_id):
    """There is no ChannelUpdated waiter."""
    for _ in range(120):
        state = client.describe_channel(ChannelId=channel_id)["State"]
        if state != "UPDATING":
            return state
        time.sleep(0.5)
    raise AssertionError("still UPDATING")


def new_input(client, name):
    made = client.create_input(Name=name, Type="URL_PULL", Sources=[{"Url": "https://example.com/a.m3u8"}])
    assert made["ResponseMetadata"]["HTTPStatusCode"] == 201
    assert made["Input"]["InputClass"] == "SINGLE_PIPELINE" and made["Input"]["AttachedChannels"] == []
    return made["Input"]["Id"]


def check_inputs(client):
    refused("BadRequestException", lambda: client.create_input_security_group(), "Must specify at least one whitelist")
    group = client.create_input_security_group(WhitelistRules=[{"Cidr": "10.0.0.0/8"}])["SecurityGroup"]
    assert group["State"] == "IDLE" and group["WhitelistRules"] == [{"Cidr": "10.0.0.0/8"}]
    push = client.create_input(
        Name="push", Type="RTMP_PUSH", InputSecurityGroups=[group["Id"]], Destinations=[{"StreamName": "app/one"}]
    )["Input"]
    assert push["Destinations"][0]["Url"].endswith(":1935/app/one"), push
    assert client.describe_input_security_group(InputSecurityGroupId=group["Id"])["State"] == "IN_USE"
    wait(client, "input_detached", InputId=push["Id"])
    client.update_input(InputId=push["Id"], Name="renamed")
    assert client.describe_input(InputId=push["Id"])["Name"] == "renamed"
    refused("BadRequestException", lambda: client.create_input(Name="x", Type="RTMP_PULL"), "sources is required")
    refused("NotFoundException", lambda: client.describe_input(InputId="1"))
    client.delete_input(InputId=push["Id"])
    wait(client, "input_deleted", InputId=push["Id"])
    assert client.describe_input(InputId=push["Id"])["State"] == "DELETED"
    client.delete_input_security_group(InputSecurityGroupId=group["Id"])
    listed = client.list_input_security_groups()["InputSecurityGroups"]
    assert group["Id"] not in [one["Id"] for one in listed]


def check_create(client, endpoint, input_id):
    with real_time(endpoint):
        channel = check_creating(client, input_id)
    wait(client, "channel_created", ChannelId=channel["Id"])
    described = client.describe_channel(ChannelId=channel["Id"])
    rtmp = described["EncoderSettings"]["OutputGroups"][0]["OutputGroupSettings"]["RtmpGroupSettings"]
    assert rtmp["RestartDelay"] == 15, "defaults are filled in"
    assert described["Destinations"][0]["Settings"][0]["StreamName"] == "parked-1"
    assert described["PipelinesRunningCount"] == 0 and described["PipelineDetails"] == []
    assert client.describe_input(InputId=input_id)["State"] == "ATTACHED"
    error = refused(
        "ConflictException",
        lambda: client.create_channel(**channel_request("second", input_id)),
        f"inputId={input_id} is already attached",
    )
    assert error.response["ResponseMetadata"]["HTTPStatusCode"] == 409
    return channel["Id"]


def check_creating(client, input_id):
    made = client.create_channel(**channel_request("contract", input_id), RequestId="once")
    assert made["ResponseMetadata"]["HTTPStatusCode"] == 201
    channel = made["Channel"]
    assert channel["State"] == "CREATING" and channel["Arn"].endswith(":channel:" + channel["Id"]), channel
    again = client.create_channel(**channel_request("contract", input_id), RequestId="once")["Channel"]
    assert again["Id"] == channel["Id"], "a retry with the same requestId made a second channel"
    refused("ConflictException", lambda: client.start_channel(ChannelId=channel["Id"]))
    return channel


def check_validation(client, input_id):
    bad = channel_request("bad", input_id)
    bad["EncoderSettings"]["OutputGroups"][0]["Outputs"][0]["OutputSettings"]["RtmpOutputSettings"]["Destination"] = {
        "DestinationRefId": "5tj5bm"
    }
    bad["EncoderSettings"]["AudioDescriptions"].append({"Name": "unused", "AudioSelectorName": "default"})
    bad["Destinations"][1]["Settings"].append({"Url": "rtmp://127.0.0.1/x", "StreamName": "y"})
    error = refused(
        "UnprocessableEntityException",
        lambda: client.create_channel(**bad),
        'Object references undefined destination "5tj5bm"',
    )
    found = {one["elementPath"]: one["errorMessage"] for one in raw_validation(error)}
    assert found["destinations[1].settings"] == "Exactly 1 destinations settings required", found
    assert "not referenced by any output" in found["audioDescriptions[1]"], found
    nothing = channel_request("nothing", input_id)
    nothing["Destinations"][0]["Settings"] = []
    refused("BadRequestException", lambda: client.create_channel(**nothing), "Exactly one of settings, MediaPackage")


def raw_validation(error):
    """botocore parses modelled error members; they are at the top of the parsed reply, in the CLI's spelling."""
    entries = error.response.get("ValidationErrors", [])
    return [{"elementPath": one["ElementPath"], "errorMessage": one["ErrorMessage"]} for one in entries]


def check_update(client, endpoint, channel_id):
    before = client.describe_channel(ChannelId=channel_id)
    changed = [rtmp_destination(1, "live"), rtmp_destination(2)]
    with real_time(endpoint):
        answer = client.update_channel(ChannelId=channel_id, Destinations=changed, RoleArn=ROLE)["Channel"]
        assert answer["State"] == "UPDATING"
        refused("ConflictException", lambda: client.update_channel(ChannelId=channel_id, Name="x", RoleArn=ROLE))
    assert updated(client, channel_id) == "IDLE"
    after = client.describe_channel(ChannelId=channel_id)
    assert after["Destinations"][0]["Settings"][0]["StreamName"] == "live-1"
    assert after["EncoderSettings"] == before["EncoderSettings"] and after["Name"] == "contract"
    client.update_channel(ChannelId=channel_id, Name="no role")
    assert updated(client, channel_id) == "IDLE"
    assert "RoleArn" not in client.describe_channel(ChannelId=channel_id), "an omitted role is removed"
    client.update_channel(ChannelId=channel_id, Name="contract", RoleArn=ROLE)
    assert updated(client, channel_id) == "IDLE"
    refused("NotFoundException", lambda: client.update_channel(ChannelId="1", Name="x"))
    refused(
        "UnprocessableEntityException",
        lambda: client.update_channel(ChannelId=channel_id, RoleArn=ROLE, Destinations=changed[:1]),
        'undefined destination "slot-2"',
    )
    twice = [changed[0], {"Id": "slot-2", "Settings": changed[0]["Settings"]}]
    refused(
        "UnprocessableEntityException",
        lambda: client.update_channel(ChannelId=channel_id, RoleArn=ROLE, Destinations=twice),
        "unique destinations",
    )


def check_run(client, endpoint, channel_id):
    assert client.start_channel(ChannelId=channel_id)["State"] == "STARTING"
    wait(client, "channel_running", ChannelId=channel_id)
    running = client.describe_channel(ChannelId=channel_id)
    assert running["PipelinesRunningCount"] == 1 and running["PipelineDetails"][0]["PipelineId"] == "0"
    refused("ConflictException", lambda: client.update_channel(ChannelId=channel_id, Name="x", RoleArn=ROLE))
    refused("ConflictException", lambda: client.start_channel(ChannelId=channel_id))
    refused("ConflictException", lambda: client.delete_channel(ChannelId=channel_id), "has not been stopped yet")
    check_schedule(client, channel_id)
    check_alerts(client, endpoint, channel_id)
    client.restart_channel_pipelines(ChannelId=channel_id, PipelineIds=["PIPELINE_0"])
    for _ in range(120):
        if client.describe_channel(ChannelId=channel_id)["State"] == "RUNNING":
            break
        time.sleep(0.5)
    with real_time(endpoint):
        assert client.stop_channel(ChannelId=channel_id)["State"] == "STOPPING"
        refused("ConflictException", lambda: client.stop_channel(ChannelId=channel_id))
    wait(client, "channel_stopped", ChannelId=channel_id)
    assert client.stop_channel(ChannelId=channel_id)["State"] == "IDLE"
    script(endpoint, "PUT", "switches", {"quietStopWhenIdle": False})
    refused("ConflictException", lambda: client.stop_channel(ChannelId=channel_id))
    script(endpoint, "PUT", "switches", {"quietStopWhenIdle": True})


def action(name, start, settings):
    return {"ActionName": name, "ScheduleActionSettings": settings, "ScheduleActionStartSettings": start}


def fixed(seconds):
    at = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=seconds)
    return {"FixedModeScheduleActionStartSettings": {"Time": at.strftime("%Y-%m-%dT%H:%M:%S.000Z")}}


def check_schedule(client, channel_id):
    switch = {"InputSwitchSettings": {"InputAttachmentNameReference": "main"}}
    pause = {"PauseStateSettings": {"Pipelines": []}}
    made = client.batch_update_schedule(
        ChannelId=channel_id,
        Creates={"ScheduleActions": [action("now", {"ImmediateModeScheduleActionStartSettings": {}}, pause),
                                     action("later", fixed(600), switch)]},
    )
    assert [one["ActionName"] for one in made["Creates"]["ScheduleActions"]] == ["now", "later"]
    listed = [one["ActionName"] for page in client.get_paginator("describe_schedule").paginate(
        ChannelId=channel_id, PaginationConfig={"PageSize": 1}) for one in page["ScheduleActions"]]
    assert listed == ["now", "later"], listed
    refused(
        "UnprocessableEntityException",
        lambda: client.batch_update_schedule(
            ChannelId=channel_id, Creates={"ScheduleActions": [action("later", fixed(900), switch)]}),
        "not unique",
    )
    refused(
        "UnprocessableEntityException",
        lambda: client.batch_update_schedule(
            ChannelId=channel_id, Creates={"ScheduleActions": [action("soon", fixed(5), switch)]}),
        "missed deadline of 15 seconds",
    )
    gone = client.batch_update_schedule(ChannelId=channel_id, Deletes={"ActionNames": ["later"]})
    assert gone["Deletes"]["ScheduleActions"][0]["ActionName"] == "later"
    client.delete_schedule(ChannelId=channel_id)
    assert client.describe_schedule(ChannelId=channel_id)["ScheduleActions"] == []


def check_alerts(client, endpoint, channel_id):
    assert client.list_alerts(ChannelId=channel_id)["Alerts"] == []
    alert = {"kind": "alert", "alertType": "Failed RTMP Connection", "message": "refused", "channel": channel_id}
    script(endpoint, "POST", "faults", alert)
    alerts = client.list_alerts(ChannelId=channel_id, StateFilter="SET")["Alerts"]
    assert [one["AlertType"] for one in alerts] == ["Failed RTMP Connection"], alerts
    assert isinstance(alerts[0]["SetTimestamp"], datetime.datetime)
    script(endpoint, "DELETE", "faults")


def check_tags(client, channel_id):
    arn = client.describe_channel(ChannelId=channel_id)["Arn"]
    made = client.create_tags(ResourceArn=arn, Tags={"slotwise.dev/owner": "a b", "Other": "1"})
    assert made["ResponseMetadata"]["HTTPStatusCode"] == 204
    assert client.list_tags_for_resource(ResourceArn=arn)["Tags"]["slotwise.dev/owner"] == "a b"
    client.delete_tags(ResourceArn=arn, TagKeys=["Other", "Team"])
    assert client.describe_channel(ChannelId=channel_id)["Tags"] == {"slotwise.dev/owner": "a b"}
    refused("NotFoundException", lambda: client.list_tags_for_resource(ResourceArn=arn + "0"))


def check_list(client, channel_id):
    mine = [one for one in client.list_channels()["Channels"] if one["Id"] == channel_id][0]
    assert "EncoderSettings" not in mine and mine["Destinations"][0]["Id"] == "slot-1" and mine["State"] == "IDLE"
    pages = list(client.get_paginator("list_channels").paginate(PaginationConfig={"PageSize": 1}))
    ids = [one["Id"] for page in pages for one in page["Channels"]]
    assert len(pages) >= 2 and len(ids) == len(set(ids)) and channel_id in ids, ids
    refused("BadRequestException", lambda: client.list_channels(NextToken="nonsense"))
    refused("BadRequestException", lambda: client.list_channels(MaxResults=0))


def check_batch(client, channel_id):
    answer = client.batch_start(ChannelIds=[channel_id, "1"])
    assert [one["Id"] for one in answer["Successful"]] == [channel_id], answer
    assert answer["Failed"][0]["Code"] == "NotFoundException", answer
    wait(client, "channel_running", ChannelId=channel_id)
    assert client.batch_delete(ChannelIds=[channel_id])["Failed"][0]["Code"] == "ConflictException"
    assert client.batch_stop(ChannelIds=[channel_id])["Successful"][0]["State"] == "STOPPING"
    wait(client, "channel_stopped", ChannelId=channel_id)


def check_class(client, channel_id):
    two = [{"Id": f"slot-{number}", "Settings": [
        {"Url": "rtmp://127.0.0.1/a", "StreamName": f"{number}-{pipeline}"} for pipeline in (0, 1)]}
        for number in (1, 2)]
    refused(
        "UnprocessableEntityException",
        lambda: client.update_channel_class(ChannelId=channel_id, ChannelClass="STANDARD", Destinations=two),
        "inputs of class STANDARD",
    )


def check_standard(client):
    sources = [{"Url": f"https://example.com/{pipeline}.m3u8"} for pipeline in "ab"]
    made = client.create_input(Name="two", Type="URL_PULL", Sources=sources)["Input"]
    assert made["InputClass"] == "STANDARD", made
    request = channel_request("standard", made["Id"])
    del request["ChannelClass"]
    refused(
        "UnprocessableEntityException",
        lambda: client.create_channel(**request),
        "Exactly 2 destinations settings required",
    )
    for destination in request["Destinations"]:
        destination["Settings"].append({"Url": "rtmp://127.0.0.1:1935/parked", "StreamName": destination["Id"] + "-b"})
    channel = client.create_channel(**request)["Channel"]
    assert channel["ChannelClass"] == "STANDARD" and channel["EgressEndpoints"] == [], channel
    wait(client, "channel_created", ChannelId=channel["Id"])
    assert len(client.describe_channel(ChannelId=channel["Id"])["EgressEndpoints"]) == 2
    client.update_channel_class(ChannelId=channel["Id"], ChannelClass="SINGLE_PIPELINE")
    assert updated(client, channel["Id"]) == "IDLE"
    single = client.describe_channel(ChannelId=channel["Id"])
    assert [len(one["Settings"]) for one in single["Destinations"]] == [1, 1] and single["RoleArn"] == ROLE, single
    client.delete_channel(ChannelId=channel["Id"])
    wait(client, "channel_deleted", ChannelId=channel["Id"])


def check_faults(client, endpoint, channel_id):
    for fault, code in [
        ({"kind": "throttle"}, "TooManyRequestsException"),
        ({"kind": "serverError", "status": 504}, "GatewayTimeoutException"),
        ({"kind": "accessDenied"}, "AccessDeniedException"),
        ({"kind": "expiredToken"}, "ExpiredTokenException"),
    ]:
        script(endpoint, "POST", "faults", {**fault, "times": 1, "operation": "DescribeChannel"})
        refused(code, lambda: client.describe_channel(ChannelId=channel_id))
    script(endpoint, "POST", "faults", {"kind": "reset", "effect": "after", "times": 1, "operation": "StartChannel"})
    with real_time(endpoint):
        try:
            client.start_channel(ChannelId=channel_id)
            raise AssertionError("the reply came through")
        except HTTPClientError as error:
            assert "onnection" in str(error), error
        assert client.describe_channel(ChannelId=channel_id)["State"] == "STARTING", "the lost reply had its effect"
        client.stop_channel(ChannelId=channel_id)
    wait(client, "channel_stopped", ChannelId=channel_id)
    script(endpoint, "POST", "faults", {"kind": "updateFails", "times": 1})
    client.update_channel(ChannelId=channel_id, Name="fails", RoleArn=ROLE)
    assert updated(client, channel_id) == "UPDATE_FAILED"
    client.update_channel(ChannelId=channel_id, Name="contract", RoleArn=ROLE)
    assert updated(client, channel_id) == "IDLE"
    script(endpoint, "POST", "faults", {"kind": "startFails", "times": 1})
    client.start_channel(ChannelId=channel_id)
    script(endpoint, "POST", "clock", {"advanceSeconds": 600})
    assert client.describe_channel(ChannelId=channel_id)["State"] == "IDLE"
    script(endpoint, "DELETE", "faults")


def check_delete(client, channel_id, input_id):
    refused("ConflictException", lambda: client.delete_input(InputId=input_id))
    assert client.delete_channel(ChannelId=channel_id)["State"] == "DELETING"
    wait(client, "channel_deleted", ChannelId=channel_id)
    assert client.describe_channel(ChannelId=channel_id)["State"] == "DELETED", "deleted channels are tombstones"
    client.delete_channel(ChannelId=channel_id)
    refused("ConflictException", lambda: client.start_channel(ChannelId=channel_id))
    assert channel_id not in [one["Id"] for one in client.list_channels()["Channels"]]
    wait(client, "input_detached", InputId=input_id)
    client.delete_input(InputId=input_id)
    wait(client, "input_deleted", InputId=input_id)


def check_unserved(client):
    refused("UnknownOperationException", lambda: client.list_multiplexes(), "does not serve GET /prod/multiplexes")


def check_waiter_gives_up(client):
    try:
        client.get_waiter("channel_running").wait(ChannelId="1", WaiterConfig={"Delay": 1, "MaxAttempts": 2})
    except WaiterError as error:
        assert "NotFound" in str(error), error
        return
    raise AssertionError("the waiter found a channel that never was")


RANGE = re.compile(r"^__(integer|long|double)(?:Min(Negative)?(\d+))?(?:Max(Negative)?(\d+))?$")


def beyond(shape):
    """A value that the service model does not allow for this member, or None."""
    if getattr(shape, "enum", None):
        return "UNHEARD_OF"
    match = RANGE.match(shape.name)
    if not match:
        return None
    _, low_sign, low, high_sign, high = match.groups()
    if high:
        return int((high_sign and "-" or "") + high) + 1
    return int((low_sign and "-" or "") + low) - 1 if low else None


def check_model(endpoint, operation, method, path):
    """Every enum and range that botocore knows of a request is refused by name where it is broken.

    The way down is botocore's, not the emulator's table.
    """
    shape = Session().get_service_model("medialive").operation_model(operation).input_shape
    waiting, seen = [([], shape)], set()
    while waiting:
        way, shape = waiting.pop(0)
        if shape.name in seen:
            continue
        seen.add(shape.name)
        bad = {}
        for name, member in shape.members.items():
            if member.serialization.get("location"):
                continue
            name = member.serialization.get("name", name)
            inner, many = (member.member, True) if member.type_name == "list" else (member, False)
            if inner.type_name == "structure":
                waiting.append((way + [(name, many)], inner))
            elif (value := beyond(inner)) is not None:
                bad[name] = [value] if many else value
        if not bad:
            continue
        body, place = bad, ".".join(name + ("[0]" if many else "") for name, many in way)
        for name, many in reversed(way):
            body = {name: [body] if many else body}
        place = place.removeprefix("encoderSettings").lstrip(".")
        said = raw(endpoint, method, path, body)
        for name, value in bad.items():
            names = f"{place}.{name}".lstrip(".") + ("[0]" if isinstance(value, list) else "")
            if isinstance(value, str) or isinstance(value, list):
                assert f"{names} must be one of: " in said, (names, said)
        numbers = {name: value for name, value in bad.items() if isinstance(value, int)}
        if numbers and len(numbers) < len(bad):
            # What is malformed is reported before what is out of range.
            for name in bad.keys() - numbers.keys():
                del bad[name]
            said = raw(endpoint, method, path, body)
        for name, value in numbers.items():
            names = f"{place}.{name}".lstrip(".")
            assert f"{names} {value}" in said and "is not in the range" in said, (names, said)


def raw(endpoint, method, path, body):
    """Sends what botocore would not send; answers the message of the refusal."""
    time.sleep(PACE_SECONDS)
    headers = {"Content-Type": "application/json"}
    request = urllib.request.Request(endpoint + path, data=json.dumps(body).encode(), headers=headers, method=method)
    try:
        urllib.request.urlopen(request)
    except urllib.error.HTTPError as error:
        assert error.code in (400, 422), error
        return json.load(error)["message"]
    raise AssertionError(f"{method} {path} took {body}")


def check_throttling(endpoint):
    """Last, as it empties the account's bucket."""
    client = boto3.client(
        "medialive", endpoint_url=endpoint, region_name="us-east-1", aws_access_key_id="test",
        aws_secret_access_key="test", config=Config(retries={"total_max_attempts": 1}))
    codes = set()
    for _ in range(200):
        try:
            client.list_inputs()
        except ClientError as error:
            codes.add(error.response["Error"]["Code"])
    assert codes <= {"TooManyRequestsException"}, codes
    return bool(codes)


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    endpoint = sys.argv[1].rstrip("/")
    client = connect(endpoint)
    script(endpoint, "POST", "reset")
    check_inputs(client)
    input_id, other_input = new_input(client, "main"), new_input(client, "other")
    channel_id = check_create(client, endpoint, input_id)
    other_id = client.create_channel(**channel_request("other", other_input))["Channel"]["Id"]
    check_validation(client, input_id)
    check_update(client, endpoint, channel_id)
    check_tags(client, channel_id)
    check_list(client, channel_id)
    check_run(client, endpoint, channel_id)
    check_batch(client, channel_id)
    check_class(client, channel_id)
    check_standard(client)
    check_faults(client, endpoint, channel_id)
    check_delete(client, channel_id, input_id)
    client.delete_channel(ChannelId=other_id)
    check_unserved(client)
    check_model(endpoint, "CreateChannel", "POST", "/prod/channels")
    check_model(endpoint, "UpdateChannel", "PUT", f"/prod/channels/{channel_id}")
    check_model(endpoint, "CreateInput", "POST", "/prod/inputs")
    check_waiter_gives_up(client)
    throttled = check_throttling(endpoint)
    report = script(endpoint, "GET", "calls")
    text = json.dumps(report)
    assert "parked-1" not in text and "live-1" not in text, "a stream key is in the record of calls"
    print(f"boto3 {boto3.__version__}: {report['total']} calls, all as MediaLive answers them"
          + ("" if throttled else " (too slow to be throttled)"))


if __name__ == "__main__":
    main()
