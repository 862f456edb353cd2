#!/usr/bin/env bash
# MediaConnect's routers in the emulator as the AWS CLI sees them; and what the CLI prints of them as a fleet file.
#
#   tests/contract/mediaconnect_cli.sh http://127.0.0.1:4570 target/debug/slotwise
#
# Needs the AWS CLI (`aws`, or the one that AWS_CLI names) and an emulator that this script may fill and empty;
# `slotwise emulator --speed 60` is a good one. The binary serves the fleet file. The output sends RTP, as version 1.46.3 of the CLI has a
# botocore of its own that does not know RTMP Push yet.
set -euo pipefail

usage="usage: mediaconnect_cli.sh ENDPOINT SLOTWISE"
endpoint=${1:?$usage}
slotwise=${2:?$usage}
export AWS_ENDPOINT_URL_MEDIACONNECT=$endpoint AWS_REGION=us-east-1 AWS_DEFAULT_REGION=us-east-1
export AWS_ACCESS_KEY_ID=test AWS_SECRET_ACCESS_KEY=test AWS_PAGER='' AWS_MAX_ATTEMPTS=1
work=$(mktemp -d)
served=
# It writes its state once more when it ends.
trap '[ -z "$served" ] || { kill "$served"; wait "$served" || true; }; rm -rf "$work"' EXIT

mc() { "${AWS_CLI:-aws}" mediaconnect "$@"; }
fail() { echo "mediaconnect_cli.sh: $*" >&2; exit 1; }
is() { [ "$1" = "$2" ] || fail "$3: expected '$2', got '$1'"; }

curl -fsS -X POST -H 'Content-Type: application/json' "$endpoint/_emulator/reset" >/dev/null

interface=$(mc create-router-network-interface --name public --configuration '{"Public": {"AllowRules": [{"Cidr": "203.0.113.0/24"}]}}' \
  --query RouterNetworkInterface.Arn --output text)
for _ in $(seq 50); do
  [ "$(mc get-router-network-interface --arn "$interface" --query RouterNetworkInterface.State --output text)" = ACTIVE ] && break
  sleep 0.5
done
input=$(mc create-router-input --name programme --maximum-bitrate 8000000 --routing-scope REGIONAL --tier INPUT_20 \
  --configuration '{"Standard": {"NetworkInterfaceArn": "'"$interface"'", "ProtocolConfiguration": {"Rtp": {"Port": 5000}}}}' \
  --query RouterInput.Arn --output text)
mc wait input-standby --arn "$input"
output=$(mc create-router-output --name youtube --maximum-bitrate 8000000 --routing-scope REGIONAL --tier OUTPUT_20 --tags Team=cli \
  --maintenance-configuration '{"PreferredDayTime": {"Day": "MONDAY", "Time": "03:00"}}' \
  --configuration '{"Standard": {"NetworkInterfaceArn": "'"$interface"'", "ProtocolConfiguration": {"Rtp": {
    "DestinationAddress": "192.0.2.1", "DestinationPort": 5000}}}}' --query RouterOutput.Arn --output text)
mc wait output-standby --arn "$output"
mc take-router-input --router-output-arn "$output" --router-input-arn "$input" >/dev/null
mc wait output-routed --arn "$output"
is "$(mc start-router-output --arn "$output" --query MaintenanceScheduleType --output text)" WINDOW "a started output's maintenance"
mc wait output-active --arn "$output"
is "$(mc list-router-outputs --filters 'RoutedInputArns=["'"$input"'"]' --query 'RouterOutputs[0].State' --output text)" ACTIVE "a filtered list"
is "$(mc list-tags-for-global-resource --resource-arn "$output" --query Tags.Team --output text)" cli "a tag"
mc stop-router-output --arn "$output" >/dev/null
mc wait output-standby --arn "$output"

# What the CLI prints is a fleet: another emulator begins with it, and keeps it in its state file.
look() {
  mc batch-get-router-output --arns "$output"
  mc get-router-input --arn "$input"
  mc get-router-network-interface --arn "$interface"
}
look >"$work/fleet.json"
serve() { # serve ARGS...
  "$slotwise" emulator --listen 127.0.0.1:0 --state "$work/state.json" "$@" >"$work/served" &
  served=$!
  for _ in $(seq 50); do
    AWS_ENDPOINT_URL_MEDIACONNECT=$(sed -n 's/.*AWS_ENDPOINT_URL_MEDIACONNECT=//p' "$work/served")
    [ -z "$AWS_ENDPOINT_URL_MEDIACONNECT" ] || return 0
    sleep 0.1
  done
  fail "the emulator does not start: $(cat "$work/served")"
}
serve --fleet "$work/fleet.json"
look | cmp "$work/fleet.json" - || fail "a fleet of what the CLI printed is not the same"
mc tag-global-resource --resource-arn "$output" --tags Team=other
kill "$served"
wait "$served" || true
serve
is "$(mc get-router-output --arn "$output" --query RouterOutput.Tags.Team --output text)" other "a tag in the state file"
is "$(mc get-router-output --arn "$output" --query RouterOutput.RoutedInputArn --output text)" "$input" "a route in the state file"
echo "$("${AWS_CLI:-aws}" --version 2>&1 | cut -d' ' -f1): every command answered as MediaConnect answers it"
