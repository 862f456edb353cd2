"""MediaConnect's routers in the emulator as boto3 sees them.

    python3 tests/contract/mediaconnect_contract.py http://127.0.0.1:4570

Needs boto3 with a botocore of 1.44.8 or later, which has RTMP Push, and an emulator that this script may fill and empty;
`slotwise emulator --speed 60` is a good one. Every answer is held against the service model, as in medialive_contract.py.
"""

import contextlib
import json
import sys
import time

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError, WaiterError
from botocore.session import Session

import medialive_contract as medialive
from medialive_contract import raw, real_time, refused, script

# Below the account's 5 calls a second, retries left to the script: an unexpected 429 is a failure.
PACE_SECONDS = 0.205

KEY = "very-secret-key"
ZONE = "us-east-1a"
AUTOMATIC = {"EncryptionKeyConfiguration": {"Automatic": {}}}


def connect(endpoint, service="mediaconnect", pace=PACE_SECONDS):
    client = boto3.client(
        service, endpoint_url=endpoint, region_name="us-east-1", aws_access_key_id="test",
        aws_secret_access_key="test", config=Config(retries={"total_max_attempts": 1}))
    client.meta.events.register(f"before-send.{service}", lambda **_: time.sleep(pace))
    client.meta.events.register(f"after-call.{service}", check_raw)
    return client


def check_raw(http_response, model, **_):
    """As for MediaLive; and every member that the service model requires of an answer is there."""
    medialive.check_raw(http_response=http_response, model=model)
    if http_response.status_code < 300 and http_response.content and http_response.status_code != 204:
        check_required(json.loads(http_response.content), model.output_shape, model.name)


def check_required(value, shape, path):
    if shape.type_name == "structure":
        names = {name: member.serialization.get("name", name) for name, member in shape.members.items()}
        for name in shape.required_members:
            assert names[name] in value, f"{path} lacks {names[name]}"
        is_union = getattr(shape, "is_tagged_union", False)
        assert not is_union or len(value) == 1, f"{path} is a union with {sorted(value)}"
        for name, member in shape.members.items():
            if names[name] in value:
                check_required(value[names[name]], member, f"{path}.{names[name]}")
    elif shape.type_name == "list":
        for index, inner in enumerate(value):
            check_required(inner, shape.member, f"{path}[{index}]")


@contextlib.contextmanager
def switched(endpoint, **changes):
    """Turns switches for a while."""
    before = {one["name"]: one["value"] for one in script(endpoint, "GET", "switches")["switches"]}
    script(endpoint, "PUT", "switches", changes)
    try:
        yield
    finally:
        script(endpoint, "PUT", "switches", {name: before[name] for name in changes})


@contextlib.contextmanager
def fault(endpoint, **fields):
    script(endpoint, "POST", "faults", fields)
    try:
        yield
    finally:
        script(endpoint, "DELETE", "faults")


def wait(client, name, arn):
    client.get_waiter(name).wait(Arn=arn, WaiterConfig={"Delay": 1, "MaxAttempts": 60})


def becomes(look, expected):
    """For what has no waiter; answers the resource."""
    for _ in range(60):
        found = look()
        if found["State"] == expected:
            return found
        time.sleep(0.3)
    raise AssertionError(f"is {found['State']}, expected {expected}")


def new_interface(client, name="public", **more):
    made = client.create_router_network_interface(
        Name=name, Configuration={"Public": {"AllowRules": [{"Cidr": "203.0.113.0/24"}]}}, **more)
    interface = made["RouterNetworkInterface"]
    becomes(lambda: get_interface(client, interface["Arn"]), "ACTIVE")
    return interface["Arn"]


def get_interface(client, arn):
    return client.get_router_network_interface(Arn=arn)["RouterNetworkInterface"]


def get(client, arn):
    return client.get_router_output(Arn=arn)["RouterOutput"]


def get_input(client, arn):
    return client.get_router_input(Arn=arn)["RouterInput"]


def input_request(interface, name="main", **more):
    rtp = {"Standard": {"NetworkInterfaceArn": interface, "ProtocolConfiguration": {"Rtp": {"Port": 5000}}}}
    return {"Name": name, "Configuration": rtp, "MaximumBitrate": 8_000_000, "RoutingScope": "REGIONAL",
            "Tier": "INPUT_20", **more}


def push(interface, **changes):
    rtmp = {"DestinationAddress": "a.rtmps.youtube.com", "DestinationPort": 443, "ApplicationName": "live2",
            "StreamName": KEY, "TlsEncryption": {"EncryptionConfiguration": {"Public": {}}}}
    rtmp.update(changes)
    rtmp = {name: value for name, value in rtmp.items() if value is not None}
    return {"Standard": {"NetworkInterfaceArn": interface, "ProtocolConfiguration": {"RtmpPush": rtmp}}}


def output_request(interface, name="youtube", **more):
    return {"Name": name, "Configuration": push(interface), "MaximumBitrate": 8_000_000, "RoutingScope": "REGIONAL",
            "Tier": "OUTPUT_20", **more}


def check_interfaces(client):
    refused("BadRequestException", lambda: client.create_router_network_interface(
        Name="-x", Configuration={"Public": {"AllowRules": []}}), "name has characters")
    refused("BadRequestException", lambda: client.create_router_network_interface(
        Name="x", Configuration={"Public": {"AllowRules": [{"Cidr": "203.0.113.0"}]}}), "cidr must be")
    made = client.create_router_network_interface(
        Name="vpc", Configuration={"Vpc": {"SecurityGroupIds": ["sg-1"], "SubnetId": "subnet-1"}}, Tags={"Team": "a"})
    assert made["ResponseMetadata"]["HTTPStatusCode"] == 201
    vpc = made["RouterNetworkInterface"]
    assert vpc["State"] == "CREATING" and vpc["NetworkInterfaceType"] == "VPC" and vpc["Tags"] == {"Team": "a"}
    becomes(lambda: get_interface(client, vpc["Arn"]), "ACTIVE")
    updated = client.update_router_network_interface(Arn=vpc["Arn"], Name="renamed")["RouterNetworkInterface"]
    assert updated["Name"] == "renamed" and updated["State"] == "UPDATING", updated
    becomes(lambda: get_interface(client, vpc["Arn"]), "ACTIVE")
    refused("BadRequestException", lambda: client.update_router_network_interface(
        Arn=vpc["Arn"], Configuration={"Public": {"AllowRules": []}}), "Changing the type")
    interface = new_interface(client)
    listed = client.list_router_network_interfaces(Filters=[{"NetworkInterfaceTypes": ["PUBLIC"]}])
    assert [one["Arn"] for one in listed["RouterNetworkInterfaces"]] == [interface]
    found = client.batch_get_router_network_interface(Arns=[interface, missing(interface), vpc["Arn"]])
    assert [one["Arn"] for one in found["Errors"]] == [missing(interface)], found
    assert [one["Arn"] for one in found["RouterNetworkInterfaces"]] == [interface, vpc["Arn"]], found
    assert client.delete_router_network_interface(Arn=vpc["Arn"])["State"] == "DELETING"
    gone(lambda: get_interface(client, vpc["Arn"]))
    return interface


def missing(arn):
    """The ARN of something of the same kind that never was."""
    return arn[:-12] + "0" * 12


def gone(look):
    for _ in range(60):
        try:
            look()
        except ClientError as error:
            assert error.response["Error"]["Code"] == "NotFoundException", error
            return
        time.sleep(0.3)
    raise AssertionError("is still there")


def check_inputs(client, endpoint, interface):
    made = client.create_router_input(**input_request(interface))["RouterInput"]
    assert made["InputType"] == "STANDARD" and made["Configuration"]["Standard"]["Protocol"] == "RTP", made
    assert made["MaximumRoutedOutputs"] == 10 and made["RoutedOutputs"] == 0, made
    arn = made["Arn"]
    wait(client, "input_standby", arn)
    started = client.start_router_input(Arn=arn)
    assert started["ResponseMetadata"]["HTTPStatusCode"] == 202 and started["State"] == "STARTING", started
    wait(client, "input_active", arn)
    refused("ConflictException", lambda: client.update_router_input(Arn=arn, Name="x"), "ACTIVE")
    refused("ConflictException", lambda: client.delete_router_input(Arn=arn), "ACTIVE")
    assert client.restart_router_input(Arn=arn)["State"] == "MIGRATING"
    wait(client, "input_active", arn)
    assert client.stop_router_input(Arn=arn)["State"] == "STOPPING"
    wait(client, "input_standby", arn)
    renamed = client.update_router_input(Arn=arn, Name="programme")["RouterInput"]
    assert renamed["Name"] == "programme" and renamed["State"] == "UPDATING"
    becomes(lambda: get_input(client, arn), "STANDBY")
    naming = {"Standard": {"NetworkInterfaceArn": interface, "ProtocolConfiguration": {"RtmpPush": {
        "Port": 1935, "NamingConfiguration": {"Automatic": {}}}}}}
    other = client.create_router_input(**input_request(interface, "rtmp", Configuration=naming))["RouterInput"]
    assert other["StreamDetails"]["Standard"]["RtmpPush"]["StreamName"], "names are given"
    refused("BadRequestException", lambda: client.create_router_input(
        **input_request(interface, Configuration={"Failover": {
            "NetworkInterfaceArn": interface, "ProtocolConfigurations": [{"Rtp": {"Port": 5000}}, {"Rtp": {"Port": 5002}}],
            "SourcePriorityMode": "NO_PRIORITY"}})), "the emulator does not serve")
    wait(client, "input_standby", other["Arn"])
    client.delete_router_input(Arn=other["Arn"])
    wait(client, "input_deleted", other["Arn"])
    listed = client.list_router_inputs(Filters=[{"NameContains": ["progr"]}, {"InputTypes": ["STANDARD"]}])
    assert [one["Arn"] for one in listed["RouterInputs"]] == [arn], listed
    return arn


def check_create(client, endpoint, interface):
    with real_time(endpoint):
        request = output_request(interface, Tags={"slotwise.dev/owner": "one"}, ClientToken="once")
        made = client.create_router_output(**request)
        assert made["ResponseMetadata"]["HTTPStatusCode"] == 201
        output = made["RouterOutput"]
        assert output["State"] == "CREATING" and output["RoutedState"] == "UNROUTED" and output["Messages"] == []
        assert client.create_router_output(**request)["RouterOutput"]["Arn"] == output["Arn"], "a token makes one"
        refused("ConflictException", lambda: client.create_router_output(**{**request, "Name": "other"}), "clientToken")
        refused("ConflictException", lambda: client.start_router_output(Arn=output["Arn"]), "CREATING")
    wait(client, "output_standby", output["Arn"])
    shown = get(client, output["Arn"])
    standard = shown["Configuration"]["Standard"]
    rtmp = standard["ProtocolConfiguration"]["RtmpPush"]
    assert standard["Protocol"] == "RTMP_PUSH" and rtmp["TlsEncryption"]["EncryptionType"] == "PUBLIC", shown
    assert rtmp["StreamName"] == KEY, "the stream name comes back in clear"
    assert shown["OutputType"] == "STANDARD" and shown["MaintenanceType"] == "DEFAULT" and shown["Tags"], shown
    assert shown["FabricConfiguration"]["SwitchingMode"] == "IMMEDIATE", shown
    assert shown["RegionName"] == "us-east-1" and shown["AvailabilityZone"].startswith("us-east-1"), shown
    assert "MaintenanceSchedule" not in shown, "what is stopped is not maintained"
    return output["Arn"]


def check_rtmp_rules(client, interface):
    def said(text, **changes):
        error = refused("BadRequestException", lambda: client.create_router_output(
            **output_request(interface, Configuration=push(interface, **changes))), text)
        assert KEY not in str(error), error

    said("destinationPort must be 443 or 1024", DestinationPort=444)
    said("destinationPort must be 1024", TlsEncryption=None)
    said("destinationPort 70000 is not in the range", DestinationPort=70000)
    said("must be a domain name", DestinationAddress="192.0.2.1")
    said("must be an IP address or a host name alone", DestinationAddress="rtmps://a.example/live")
    for name in [" " + KEY, KEY + " ", KEY + '"', KEY + "\\", KEY + "é", "", KEY * 100]:
        said("rtmpPush.streamName must be", StreamName=name)
    said("rtmpPush.applicationName must be", ApplicationName='live"')
    mismatch = push(interface)
    mismatch["Standard"]["Protocol"] = "RTP"
    refused("BadRequestException", lambda: client.create_router_output(
        **output_request(interface, Configuration=mismatch)), "protocol does not match")
    for changes, text in [
        ({"MaximumBitrate": 20_000_001}, "1 to 20000000"),
        ({"MaximumBitrate": 0}, "1 to 20000000"),
        ({"RegionName": "nowhere"}, "regionName"),
        ({"AvailabilityZone": "eu-west-1a"}, "availabilityZone"),
        ({"RegionName": "eu-west-1"}, "another Region"),
        ({"MaintenanceConfiguration": {"PreferredDayTime": {"Day": "MONDAY", "Time": "3:00"}}}, "time of day"),
        ({"Configuration": push(missing(interface))}, "no network interface that exists"),
        ({"Configuration": {"MediaLiveInput": {"DestinationTransitEncryption": AUTOMATIC}}}, "does not serve"),
    ]:
        refused("BadRequestException", lambda: client.create_router_output(**output_request(interface, **changes)), text)


def check_routes(client, endpoint, output, source):
    refused("BadRequestException", lambda: client.take_router_input(RouterOutputArn=output), "required")
    with real_time(endpoint):
        taken = client.take_router_input(RouterOutputArn=output, RouterInputArn=source)
        assert taken["ResponseMetadata"]["HTTPStatusCode"] == 202 and taken["RoutedState"] == "ROUTING", taken
        assert taken["RouterInputName"] == "programme" and taken["RouterOutputName"] == "youtube", taken
    wait(client, "output_routed", output)
    again = client.take_router_input(RouterOutputArn=output, RouterInputArn=source)
    assert again["RoutedState"] == "ROUTED", "the same take again changes nothing"
    assert get_input(client, source)["RoutedOutputs"] == 1
    refused("ConflictException", lambda: client.delete_router_input(Arn=source), "in use by 1")
    refused("ConflictException", lambda: client.update_router_output(
        Arn=output, FabricConfiguration={"RecoveryLatencyMode": "LOW_LATENCY"}), "has a route")
    refused("BadRequestException", lambda: client.update_router_output(Arn=output, MaximumBitrate=1_000_000), "lower than")
    with switched(endpoint, routerUnrouteByOmission=True):
        client.take_router_input(RouterOutputArn=output)
        wait(client, "output_unrouted", output)
        assert "RoutedInputArn" not in get(client, output)
    client.update_router_output(Arn=output, FabricConfiguration={"RecoveryLatencyMode": "LOW_LATENCY"})
    becomes(lambda: get(client, output), "STANDBY")
    client.take_router_input(RouterOutputArn=output, RouterInputArn=source)
    wait(client, "output_routed", output)


def check_run(client, endpoint, output, source):
    refused("ConflictException", lambda: client.stop_router_output(Arn=output), "STANDBY")
    with switched(endpoint, routerQuietStartStop=True):
        assert client.stop_router_output(Arn=output)["State"] == "STANDBY"
    refused("ConflictException", lambda: client.restart_router_output(Arn=output), "STANDBY")
    with switched(endpoint, routerRestartFromStandby=True):
        assert client.restart_router_output(Arn=output)["State"] == "UPDATING"
        becomes(lambda: get(client, output), "STANDBY")
    with real_time(endpoint):
        started = client.start_router_output(Arn=output)
        assert started["State"] == "STARTING" and started["MaintenanceScheduleType"] == "WINDOW", started
        refused("ConflictException", lambda: client.stop_router_output(Arn=output), "STARTING")
    wait(client, "output_active", output)
    active = get(client, output)
    window = active["MaintenanceSchedule"]["Window"]
    days = (window["Start"] - active["CreatedAt"]).days
    assert 59 <= days <= 67 and window["Start"] <= window["ScheduledTime"] < window["End"], (days, window)
    refused("ConflictException", lambda: client.start_router_output(Arn=output), "ACTIVE")
    refused("ConflictException", lambda: client.delete_router_output(Arn=output), "ACTIVE")
    refused("ConflictException", lambda: client.update_router_output(Arn=output, Name="x"), "ACTIVE")
    with switched(endpoint, routerUpdateWhileActive=True):
        assert client.update_router_output(Arn=output, Name="renamed")["RouterOutput"]["State"] == "UPDATING"
        wait(client, "output_active", output)
        refused("ConflictException", lambda: client.update_router_output(
            Arn=output, MaintenanceConfiguration={"Default": {}}), "STANDBY only")
    assert client.restart_router_output(Arn=output)["State"] == "MIGRATING"
    wait(client, "output_active", output)
    assert client.stop_router_output(Arn=output)["State"] == "STOPPING"
    wait(client, "output_standby", output)
    stopped = get(client, output)
    assert stopped["RoutedState"] == "ROUTED" and stopped["RoutedInputArn"] == source, "a stopped output keeps its route"


def check_update(client, output, interface):
    before = get(client, output)
    target = push(interface, DestinationAddress="live.twitch.tv", DestinationPort=1935, ApplicationName="app",
                  TlsEncryption=None)
    updated = client.update_router_output(Arn=output, Configuration=target, MaximumBitrate=9_000_000)
    assert updated["ResponseMetadata"]["HTTPStatusCode"] == 202
    after = becomes(lambda: get(client, output), "STANDBY")
    rtmp = after["Configuration"]["Standard"]["ProtocolConfiguration"]["RtmpPush"]
    assert rtmp["DestinationAddress"] == "live.twitch.tv" and "TlsEncryption" not in rtmp, rtmp
    assert after["MaximumBitrate"] == 9_000_000 and after["Name"] == before["Name"] and after["Tags"] == before["Tags"]
    assert after["UpdatedAt"] > before["UpdatedAt"] and after["CreatedAt"] == before["CreatedAt"]
    for other in [
        {"Standard": {"NetworkInterfaceArn": interface,
                      "ProtocolConfiguration": {"Rtp": {"DestinationAddress": "192.0.2.1", "DestinationPort": 5000}}}},
        {"MediaLiveInput": {"DestinationTransitEncryption": AUTOMATIC}},
    ]:
        refused("BadRequestException", lambda: client.update_router_output(Arn=output, Configuration=other),
                "Changing the type of the configuration is not supported")


def check_tags(client, endpoint, output):
    made = client.tag_global_resource(ResourceArn=output, Tags={"slotwise.dev/owner": "two", "Other": "1"})
    assert made["ResponseMetadata"]["HTTPStatusCode"] == 204
    assert client.list_tags_for_global_resource(ResourceArn=output)["Tags"] == {"slotwise.dev/owner": "two", "Other": "1"}
    client.untag_global_resource(ResourceArn=output, TagKeys=["Other"])
    assert get(client, output)["Tags"] == {"slotwise.dev/owner": "two"}
    refused("BadRequestException", lambda: client.tag_global_resource(ResourceArn=output, Tags={"aws:x": "1"}))
    refused("NotFoundException", lambda: client.list_tags_for_global_resource(ResourceArn="arn:aws:mediaconnect:x"))
    refused("NotFoundException", lambda: client.tag_resource(ResourceArn=output, Tags={"a": "b"}))
    with switched(endpoint, routerRegionalTags=True):
        client.tag_resource(ResourceArn=output, Tags={"a": "b"})
        assert client.list_tags_for_resource(ResourceArn=output)["Tags"]["a"] == "b"
        client.untag_resource(ResourceArn=output, TagKeys=["a"])
    with switched(endpoint, tagKeysAllowed="slotwise.dev/*"):
        client.tag_global_resource(ResourceArn=output, Tags={"slotwise.dev/owner": "two"})
        refused("AccessDeniedException", lambda: client.tag_global_resource(ResourceArn=output, Tags={"Team": "1"}),
                "mediaconnect:TagGlobalResource")


def check_quotas(client, interface, source, output):
    """19 more outputs are all that the region may have; nine more are all that the input may have."""
    made = [output]
    for number in range(19):
        request = output_request(interface, f"more-{number:02}")
        made.append(client.create_router_output(**request)["RouterOutput"]["Arn"])
    error = refused("RouterOutputServiceQuotaExceededException", lambda: client.create_router_output(
        **output_request(interface, "too many")), "its quota is 20")
    assert error.response["ResponseMetadata"]["HTTPStatusCode"] == 420
    becomes(lambda: get(client, made[-1]), "STANDBY")
    for arn in made[1:10]:
        client.take_router_input(RouterOutputArn=arn, RouterInputArn=source)
    assert get_input(client, source)["RoutedOutputs"] == 10
    refused("ConflictException", lambda: client.take_router_input(RouterOutputArn=made[10], RouterInputArn=source),
            "10 routed outputs")
    return made


def check_lists(client, made, source, interface):
    pages = list(client.get_paginator("list_router_outputs").paginate(PaginationConfig={"PageSize": 8}))
    listed = [one for page in pages for one in page["RouterOutputs"]]
    assert [len(page["RouterOutputs"]) for page in pages] == [8, 8, 4] and {one["Arn"] for one in listed} == set(made)
    assert "Configuration" not in listed[0] and "Tags" not in listed[0] and listed[0]["MessageCount"] == 0
    assert listed[0]["NetworkInterfaceArn"] == interface
    count = lambda *filters: len(client.list_router_outputs(Filters=list(filters))["RouterOutputs"])
    assert count({"RoutedInputArns": [source]}) == 10
    assert count({"RoutedInputArns": [source]}, {"NameContains": ["more-0", "nothing"]}) == 9
    assert count({"RegionNames": ["eu-west-1"]}) == 0 and count({"OutputTypes": ["STANDARD"]}) == 20
    assert count({"NetworkInterfaceArns": [interface]}) == 20 and count({"RoutingScopes": ["GLOBAL"]}) == 0
    refused("BadRequestException", lambda: client.list_router_outputs(Filters=[{"OutputTypes": ["X"]}]), "must be one of")
    refused("BadRequestException", lambda: client.list_router_outputs(NextToken="nonsense"))
    refused("BadRequestException", lambda: client.list_router_outputs(MaxResults=101))
    assert len(client.batch_get_router_output(Arns=made)["RouterOutputs"]) == 20
    refused("BadRequestException", lambda: client.batch_get_router_output(Arns=made + [made[0]]), "1 to 20")
    found = client.batch_get_router_output(Arns=[missing(made[0]), made[0]])
    assert [one["Code"] for one in found["Errors"]] == ["NotFoundException"] and len(found["RouterOutputs"]) == 1
    refused("NotFoundException", lambda: get(client, missing(made[0])))
    refused("BadRequestException", lambda: client.get_router_output(Arn="arn:aws:mediaconnect:x"), "ARN")
    inputs = client.batch_get_router_input(Arns=[source])
    assert inputs["Errors"] == [] and inputs["RouterInputs"][0]["RoutedOutputs"] == 10


def check_regions(client):
    """Routers are global: another region's resources are made and listed here, and have a quota of their own."""
    interface = new_interface(client, "far", RegionName="eu-west-1")
    made = client.create_router_output(**output_request(interface, "far", RegionName="eu-west-1"))["RouterOutput"]
    assert made["RegionName"] == "eu-west-1" and ":eu-west-1:" in made["Arn"], made
    near = client.list_router_outputs(Filters=[{"RegionNames": ["eu-west-1"]}])["RouterOutputs"]
    assert [one["Arn"] for one in near] == [made["Arn"]]
    becomes(lambda: get(client, made["Arn"]), "STANDBY")
    return made["Arn"]


def check_delete(client, endpoint, output, source):
    with real_time(endpoint):
        assert client.delete_router_output(Arn=output)["State"] == "DELETING"
        assert client.delete_router_output(Arn=output)["State"] == "DELETING", "deleting again is safe"
        refused("ConflictException", lambda: client.start_router_output(Arn=output), "DELETING")
    wait(client, "output_deleted", output)
    refused("NotFoundException", lambda: client.delete_router_output(Arn=output))
    assert get_input(client, source)["RoutedOutputs"] == 9, "the route goes with the output"


def check_faults(client, endpoint, output, interface):
    client.start_router_output(Arn=output)
    wait(client, "output_active", output)
    with real_time(endpoint), fault(endpoint, kind="routerRecovering", resource=output, seconds=600):
        assert get(client, output)["State"] == "RECOVERING"
    becomes(lambda: get(client, output), "ACTIVE")
    with real_time(endpoint), fault(endpoint, kind="routerMigrating", resource=output.rsplit(":")[-1], seconds=600):
        assert get(client, output)["State"] == "MIGRATING"
    wait(client, "output_active", output)
    with fault(endpoint, kind="routerMessage", resource=output, code="NO_VIDEO", message="There is no video."):
        assert get(client, output)["Messages"] == [{"Code": "NO_VIDEO", "Message": "There is no video."}]
    listed = [one for one in client.list_router_outputs()["RouterOutputs"] if one["Arn"] == output]
    assert listed[0]["MessageCount"] == 1 and listed[0]["State"] == "ACTIVE"
    with fault(endpoint, kind="streamRefused", resource=output):
        failed = get(client, output)
    assert failed["State"] == "ERROR" and failed["Messages"][-1]["Code"] == "CONNECTION_REFUSED", failed
    try:
        wait(client, "output_active", output)
    except WaiterError as error:
        assert "ERROR" in str(error) or "terminal failure" in str(error), error
    else:
        raise AssertionError("the waiter took ERROR for ACTIVE")
    client.restart_router_output(Arn=output)
    wait(client, "output_active", output)
    assert get(client, output)["Messages"] == [], "what begins anew has nothing to say"
    with switched(endpoint, refusedStream="ACTIVE"), fault(endpoint, kind="streamRefused", resource=output):
        failed = get(client, output)
        assert failed["State"] == "ACTIVE" and len(failed["Messages"]) == 1, failed
    client.stop_router_output(Arn=output)
    wait(client, "output_standby", output)
    with fault(endpoint, kind="startFails", resource=output, times=1):
        client.start_router_output(Arn=output)
    becomes(lambda: get(client, output), "ERROR")
    client.stop_router_output(Arn=output)
    wait(client, "output_standby", output)
    check_call_faults(client, endpoint, output, interface)


def check_call_faults(client, endpoint, output, interface):
    with fault(endpoint, kind="throttle", operation="GetRouterOutput", times=1):
        refused("TooManyRequestsException", lambda: get(client, output))
    with fault(endpoint, kind="serverError", status=503, operation="GetRouterOutput", times=1):
        refused("ServiceUnavailableException", lambda: get(client, output))
    with fault(endpoint, kind="accessDenied", operation="StartRouterOutput", times=1):
        refused("AccessDeniedException", lambda: client.start_router_output(Arn=output), "mediaconnect:StartRouterOutput")
    whole = [one["Arn"] for one in client.list_router_outputs(MaxResults=100)["RouterOutputs"]]
    with fault(endpoint, kind="partialList", place=3, operation="ListRouterOutputs", times=1):
        part = [one["Arn"] for one in client.list_router_outputs(MaxResults=100)["RouterOutputs"]]
    assert part == whole[:3] + whole[4:]
    with fault(endpoint, kind="updateFails", times=1):
        client.update_router_output(Arn=output, Name="fails")
    assert becomes(lambda: get(client, output), "ERROR")["Messages"][0]["Code"] == "UPDATE_FAILED"
    client.stop_router_output(Arn=output)
    wait(client, "output_standby", output)
    with real_time(endpoint):
        with fault(endpoint, kind="serverError", effect="after", operation="DeleteRouterOutput", times=1):
            refused("InternalServerErrorException", lambda: client.delete_router_output(Arn=output))
        assert get(client, output)["State"] == "DELETING", "the call did its work, only its reply was lost"
    wait(client, "output_deleted", output)
    with fault(endpoint, kind="createFails", times=1):
        made = client.create_router_output(**output_request(interface, "fails"))["RouterOutput"]["Arn"]
    assert becomes(lambda: get(client, made), "ERROR")["Messages"][0]["Code"] == "CREATE_FAILED"


def check_tokens(client, endpoint, interface):
    """A token outlives its output, and is forgotten in time."""
    request = output_request(interface, "token", ClientToken="outlives")
    first = client.create_router_output(**request)["RouterOutput"]["Arn"]
    wait(client, "output_standby", first)
    client.delete_router_output(Arn=first)
    wait(client, "output_deleted", first)
    assert client.create_router_output(**request)["RouterOutput"]["Arn"] == first, "the same answer as before"
    refused("NotFoundException", lambda: get(client, first))
    script(endpoint, "POST", "clock", {"advanceSeconds": 600})
    second = client.create_router_output(**request)["RouterOutput"]["Arn"]
    assert second != first
    wait(client, "output_standby", second)
    client.delete_router_output(Arn=second)


def check_maintenance(client, endpoint, output):
    """Last but one: the date moves by months."""
    client.start_router_output(Arn=output)
    wait(client, "output_active", output)
    before = get(client, output)["MaintenanceSchedule"]["Window"]["ScheduledTime"]
    script(endpoint, "POST", "clock", {"speed": 1})
    script(endpoint, "POST", "clock", {"advanceSeconds": 67 * 86_400 + 7_200})
    moved = get(client, output)
    assert moved["State"] == "MIGRATING" and moved["MaintenanceSchedule"]["Window"]["Start"] > before, moved
    script(endpoint, "POST", "clock", {"speed": 60})
    wait(client, "output_active", output)


def router_group(output):
    return {"Name": "router", "OutputGroupSettings": {"MediaConnectRouterGroupSettings": {"AvailabilityZones": [ZONE]}},
            "Outputs": [{"OutputName": output, "VideoDescriptionName": "video", "AudioDescriptionNames": ["audio"],
                         "OutputSettings": {"MediaConnectRouterOutputSettings": {
                             "Destination": {"DestinationRefId": "router"}, "ContainerSettings": {"M2tsSettings": {}}}}}]}


def check_channel(client, live):
    """A MediaLive channel in front: connected once, in its zone, encrypted alike; shown in its pipeline's details."""
    source = medialive.new_input(live, "router")
    request = medialive.channel_request("router", source)
    request["EncoderSettings"]["OutputGroups"].append(router_group("programme"))
    request["Destinations"].append({"Id": "router", "MediaConnectRouterSettings": [{"EncryptionType": "AUTOMATIC"}]})
    channel = live.create_channel(**request)["Channel"]
    medialive.wait(live, "channel_created", ChannelId=channel["Id"])
    connection = {"MediaLiveChannelArn": channel["Arn"], "MediaLivePipelineId": "PIPELINE_0",
                  "MediaLiveChannelOutputName": "programme", "SourceTransitDecryption": AUTOMATIC}

    def request_of(name="live", zone=ZONE, **changes):
        given = {key: value for key, value in {**connection, **changes}.items() if value is not None}
        return {"Name": name, "Configuration": {"MediaLiveChannel": given}, "MaximumBitrate": 8_000_000,
                "RoutingScope": "REGIONAL", "Tier": "INPUT_20", "AvailabilityZone": zone}

    for changes, text in [
        ({"MediaLiveChannelOutputName": None}, "together, or none"),
        ({"MediaLiveChannelOutputName": "slot-1"}, "names no MediaConnect Router output"),
        ({"MediaLivePipelineId": "PIPELINE_1"}, "names no MediaConnect Router output"),
        ({"zone": "us-east-1b"}, "availabilityZone"),
        ({"SourceTransitDecryption": {"EncryptionKeyConfiguration": {"SecretsManager": {
            "SecretArn": "arn:aws:secretsmanager:us-east-1:111122223333:secret:a",
            "RoleArn": "arn:aws:iam::111122223333:role/r"}}}}, "does not match the encryption"),
    ]:
        refused("BadRequestException", lambda: client.create_router_input(**request_of(**changes)), text)
    made = client.create_router_input(**request_of())["RouterInput"]
    assert made["InputType"] == "MEDIALIVE_CHANNEL" and made["StreamDetails"] == {"MediaLiveChannel": {}}, made
    refused("ConflictException", lambda: client.create_router_input(**request_of("second")), "another router input")
    wait(client, "input_standby", made["Arn"])
    refused("ConflictException", lambda: client.delete_router_input(Arn=made["Arn"]), "in use")
    live.start_channel(ChannelId=channel["Id"])
    medialive.wait(live, "channel_running", ChannelId=channel["Id"])
    details = live.describe_channel(ChannelId=channel["Id"])["PipelineDetails"]
    assert details[0]["MediaConnectRouterOutputConnectionMap"] == {"programme": {"RouterInputArn": made["Arn"]}}, details
    refused("ConflictException", lambda: live.delete_channel(ChannelId=channel["Id"]), "feeds router input")
    client.update_router_input(Arn=made["Arn"], Configuration={"MediaLiveChannel": {"SourceTransitDecryption": AUTOMATIC}})
    details = live.describe_channel(ChannelId=channel["Id"])["PipelineDetails"]
    assert "MediaConnectRouterOutputConnectionMap" not in details[0], "none of the three disconnects"
    wait(client, "input_standby", made["Arn"])
    client.delete_router_input(Arn=made["Arn"])
    wait(client, "input_deleted", made["Arn"])


def beyond(shape):
    """A value that the service model does not allow for this member, or None."""
    if getattr(shape, "enum", None):
        return "UNHEARD_OF"
    if "max" in shape.metadata and shape.type_name in ("integer", "long"):
        return shape.metadata["max"] + 1
    if "pattern" in shape.metadata:
        return KEY + " "
    return None


def check_model(endpoint, operation, method, path):
    """Every enum, range, pattern and union that botocore knows of a request is refused by name where it is broken.

    The way down is botocore's, not the emulator's table.
    """
    shape = Session().get_service_model("mediaconnect").operation_model(operation).input_shape
    waiting, seen, tried = [([], shape)], set(), 0
    while waiting:
        way, shape = waiting.pop(0)
        if shape.name in seen:
            continue
        seen.add(shape.name)
        if getattr(shape, "is_tagged_union", False):
            said = sent(endpoint, method, path, way, {})
            assert f"{place(way)} must have exactly one member" in said, (place(way), said)
            tried += 1
        for name, member in shape.members.items():
            if member.serialization.get("location"):
                continue
            name = member.serialization.get("name", name)
            inner, many = (member.member, True) if member.type_name == "list" else (member, False)
            here = way + [(name, many)]
            if inner.type_name == "structure":
                waiting.append((here, inner))
            elif (value := beyond(inner)) is not None:
                said = sent(endpoint, method, path, way, {name: [value] if many else value})
                assert f"{place(here)} " in said and KEY not in said, (place(here), said)
                tried += 1
    return tried


def place(way):
    return ".".join(name + ("[0]" if many else "") for name, many in way)


def sent(endpoint, method, path, way, body):
    for name, many in reversed(way):
        body = {name: [body] if many else body}
    time.sleep(PACE_SECONDS)
    return raw(endpoint, method, path, body)


def check_throttling(endpoint):
    """Last, as it empties the account's bucket: 30 at once, whatever MediaLive has left."""
    time.sleep(7)
    client = connect(endpoint, pace=0)
    taken, codes = 0, set()
    for _ in range(80):
        try:
            client.list_router_outputs()
            taken += 1
        except ClientError as error:
            codes.add(error.response["Error"]["Code"])
    assert codes <= {"TooManyRequestsException"} and taken >= 30, (taken, codes)
    connect(endpoint, "medialive").list_channels()
    return bool(codes)


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    endpoint = sys.argv[1].rstrip("/")
    client, live = connect(endpoint), connect(endpoint, "medialive")
    script(endpoint, "POST", "reset")
    interface = check_interfaces(client)
    source = check_inputs(client, endpoint, interface)
    output = check_create(client, endpoint, interface)
    check_rtmp_rules(client, interface)
    check_routes(client, endpoint, output, source)
    check_run(client, endpoint, output, source)
    check_update(client, output, interface)
    check_tags(client, endpoint, output)
    refused("ConflictException", lambda: client.delete_router_network_interface(Arn=interface), "in use by 2")
    made = check_quotas(client, interface, source, output)
    check_lists(client, made, source, interface)
    check_regions(client)
    check_delete(client, endpoint, output, source)
    check_faults(client, endpoint, made[1], interface)
    becomes(lambda: get(client, made[2]), "STANDBY")
    client.delete_router_output(Arn=made[2])
    wait(client, "output_deleted", made[2])
    check_tokens(client, endpoint, interface)
    check_channel(client, live)
    tried = check_model(endpoint, "CreateRouterOutput", "POST", "/v1/routerOutput")
    tried += check_model(endpoint, "CreateRouterInput", "POST", "/v1/routerInput")
    check_maintenance(client, endpoint, made[3])
    throttled = check_throttling(endpoint)
    report = json.dumps(script(endpoint, "GET", "calls")) + json.dumps(script(endpoint, "GET", "state"))
    assert KEY not in report, "a stream name is in the record of calls, or in the state"
    print(f"boto3 {boto3.__version__}: {report.count('atSeconds')} entries of the record, {tried} members of the model, all as "
          "MediaConnect answers them" + ("" if throttled else " (too slow to be throttled)"))


if __name__ == "__main__":
    main()
