#!/usr/bin/env bash
# The emulator as the AWS CLI sees it.
#
#   tests/contract/medialive_cli.sh http://127.0.0.1:4570 target/debug/slotwise
#
# The binary prints a channel to begin with, and declares it. Needs the AWS CLI (`aws`, or the one that AWS_CLI names) and an emulator that this script may fill and empty;
# `slotwise emulator --speed 60` is a good one.
set -euo pipefail

usage="usage: medialive_cli.sh ENDPOINT SLOTWISE"
endpoint=${1:?$usage}
slotwise=${2:?$usage}
export AWS_ENDPOINT_URL_MEDIALIVE=$endpoint AWS_REGION=us-east-1 AWS_DEFAULT_REGION=us-east-1
export AWS_ACCESS_KEY_ID=test AWS_SECRET_ACCESS_KEY=test AWS_PAGER='' AWS_MAX_ATTEMPTS=1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

ml() { "${AWS_CLI:-aws}" medialive "$@"; }
fail() { echo "medialive_cli.sh: $*" >&2; exit 1; }
is() { [ "$1" = "$2" ] || fail "$3: expected '$2', got '$1'"; }

# The command fails, and says so with this error type.
refused() {
  local type=$1; shift
  if ml "$@" >"$work/out" 2>"$work/err"; then fail "$1 succeeded, expected $type"; fi
  grep -q "($type)" "$work/err" || fail "$1: expected $type, got: $(cat "$work/err")"
}

state() { ml describe-channel --channel-id "$1" --query State --output text; }

# Waits for a state; the CLI's own waiters look every 5 s, and there is none for an update.
becomes() {
  for _ in $(seq 120); do
    [ "$(state "$1")" = "$2" ] && return
    sleep 0.5
  done
  fail "channel $1 is $(state "$1"), expected $2"
}

curl -fsS -X POST -H 'Content-Type: application/json' "$endpoint/_emulator/reset" >/dev/null

input=$(ml create-input --name cli --type URL_PULL --sources Url=https://example.com/a.m3u8 --query Input.Id --output text)
cat >"$work/channel.json" <<JSON
{
  "Name": "cli",
  "ChannelClass": "SINGLE_PIPELINE",
  "RoleArn": "arn:aws:iam::111122223333:role/MediaLiveAccessRole",
  "InputAttachments": [{"InputId": "$input", "InputAttachmentName": "main"}],
  "InputSpecification": {"Codec": "AVC", "Resolution": "HD", "MaximumBitrate": "MAX_10_MBPS"},
  "Destinations": [{"Id": "slot-1", "Settings": [{"Url": "rtmps://example.com:443/live", "StreamName": "parked"}]}],
  "EncoderSettings": {
    "AudioDescriptions": [{"Name": "audio", "AudioSelectorName": "default"}],
    "VideoDescriptions": [{"Name": "video"}],
    "TimecodeConfig": {"Source": "EMBEDDED"},
    "OutputGroups": [{
      "Name": "RTMP-Slot-1",
      "OutputGroupSettings": {"RtmpGroupSettings": {}},
      "Outputs": [{
        "OutputName": "slot-1",
        "VideoDescriptionName": "video",
        "AudioDescriptionNames": ["audio"],
        "OutputSettings": {"RtmpOutputSettings": {"Destination": {"DestinationRefId": "slot-1"}}}
      }]
    }]
  },
  "Tags": {"Team": "cli"}
}
JSON

channel=$(ml create-channel --cli-input-json "file://$work/channel.json" --query Channel.Id --output text)
ml wait channel-created --channel-id "$channel"
is "$(state "$channel")" IDLE "a created channel"
is "$(ml list-channels --query "Channels[?Id=='$channel'].Destinations[0].Settings[0].StreamName" --output text)" parked \
  "the stream name in the list"
is "$(ml list-channels --query 'Channels[0].EncoderSettings')" null "encoder settings in the list"
refused ConflictException create-channel --cli-input-json "file://$work/channel.json"
refused NotFoundException describe-channel --channel-id 1
refused UnknownOperationException list-multiplexes

# What Describe prints is what Update takes.
ml describe-channel --channel-id "$channel" >"$work/described.json"
ml update-channel --channel-id "$channel" --role-arn arn:aws:iam::111122223333:role/MediaLiveAccessRole \
  --destinations 'Id=slot-1,Settings=[{Url=rtmps://example.com:443/live,StreamName=live}]' >/dev/null
becomes "$channel" IDLE
is "$(ml describe-channel --channel-id "$channel" --query 'Destinations[0].Settings[0].StreamName' --output text)" live \
  "the updated stream name"
is "$(ml describe-channel --channel-id "$channel" --query Name --output text)" cli "a name left out of the update"
refused UnprocessableEntityException update-channel --channel-id "$channel" --destinations '[]'

ml start-channel --channel-id "$channel" >/dev/null
becomes "$channel" RUNNING
refused ConflictException update-channel --channel-id "$channel" --name other
refused ConflictException delete-channel --channel-id "$channel"

ml batch-update-schedule --channel-id "$channel" --creates '{"ScheduleActions": [{"ActionName": "pause",
  "ScheduleActionSettings": {"PauseStateSettings": {}},
  "ScheduleActionStartSettings": {"ImmediateModeScheduleActionStartSettings": {}}}]}' >/dev/null
is "$(ml describe-schedule --channel-id "$channel" --query 'ScheduleActions[0].ActionName' --output text)" pause \
  "the schedule"
ml delete-schedule --channel-id "$channel"
is "$(ml list-alerts --channel-id "$channel" --query 'length(Alerts)')" 0 "alerts"

arn=$(ml describe-channel --channel-id "$channel" --query Arn --output text)
ml create-tags --resource-arn "$arn" --tags owner=me
is "$(ml list-tags-for-resource --resource-arn "$arn" --query Tags.owner --output text)" me "a tag"
ml delete-tags --resource-arn "$arn" --tag-keys owner Team
is "$(ml list-tags-for-resource --resource-arn "$arn" --query 'length(Tags)')" 0 "tags after deleting them"

is "$(ml batch-stop --channel-ids "$channel" --query 'Successful[0].State' --output text)" STOPPING "a batch stop"
becomes "$channel" IDLE
ml delete-channel --channel-id "$channel" >/dev/null
ml wait channel-deleted --channel-id "$channel"
is "$(state "$channel")" DELETED "a deleted channel"
ml wait input-detached --input-id "$input"

# What `slotwise init --template` prints makes a channel, and what `slotwise init` declares of it changes nothing.
"$slotwise" init --template --name from-template --input-id "$input" \
  --role-arn arn:aws:iam::111122223333:role/MediaLiveAccessRole >"$work/template.json"
channel=$(ml create-channel --cli-input-json "file://$work/template.json" --query Channel.Id --output text)
becomes "$channel" IDLE
is "$(ml describe-channel --channel-id "$channel" --query 'length(EncoderSettings.OutputGroups)')" 3 "slots of the template"
"$slotwise" init from-template --out "$work/live" >"$work/init"
grep -q 'pool main: 1 channel, 3 slots' "$work/init" || fail "init: $(cat "$work/init")"
grep -q '0 updates, 0 starts, 0 stops' "$work/init" || fail "init: $(cat "$work/init")"
ml delete-channel --channel-id "$channel" >/dev/null
ml wait channel-deleted --channel-id "$channel"
ml wait input-detached --input-id "$input"
ml delete-input --input-id "$input"
echo "$("${AWS_CLI:-aws}" --version 2>&1 | cut -d' ' -f1): every command answered as MediaLive answers it"
