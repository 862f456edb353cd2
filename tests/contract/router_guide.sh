#!/usr/bin/env bash
# The guide of examples/router, tried as it stands: every command of its `console` blocks, in one shell, as a reader would.
#
#   tests/contract/router_guide.sh http://127.0.0.1:4570 target/debug/slotwise
#
# Needs the AWS CLI as `aws` and an emulator that this script may fill and empty; `slotwise emulator --speed 60` is a good one.
# Only `run`, which does not end, is left out.
set -euo pipefail

usage="usage: router_guide.sh ENDPOINT SLOTWISE"
endpoint=${1:?$usage}
slotwise=$(realpath "${2:?$usage}")
root=$(realpath "$(dirname "$0")/../..")
export AWS_ENDPOINT_URL_MEDIACONNECT=$endpoint AWS_ENDPOINT_URL_MEDIALIVE=$endpoint AWS_REGION=us-east-1 AWS_DEFAULT_REGION=us-east-1
export AWS_ACCESS_KEY_ID=test AWS_SECRET_ACCESS_KEY=test AWS_PAGER='' SLOTWISE_TRANSITION_INTERVAL=1s
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
fail() { echo "router_guide.sh: $*" >&2; exit 1; }

curl -fsS -X POST -H 'Content-Type: application/json' "$endpoint/_emulator/reset" >/dev/null
mkdir "$work/bin" "$work/examples"
ln -s "$slotwise" "$work/bin/slotwise"
cp -r "$root/examples/router" "$work/examples"
export PATH=$work/bin:$PATH
cd "$work"

# A command begins after `$ ` and goes on below while its lines end with a backslash.
awk '
  /^```/ { console = !fenced && $0 == "```console"; fenced = !fenced; next }
  console && (/^\$ / || more) { print (more ? $0 : substr($0, 3)); more = /\\$/ }
' examples/router/README.md | grep -v '^slotwise run' >guide.sh
[ "$(grep -c '^slotwise' guide.sh)" -ge 5 ] || fail "commands of the guide are missing: $(cat guide.sh)"
bash -euo pipefail guide.sh >shown 2>&1 || fail "a command of the guide failed: $(cat shown)"
! grep -q -e '-not-a-real-key' shown || fail "a stream key is shown"

# What a pool lacks, by the commands that doctor prints: its ARNs name what does not exist.
cp -r "$root/examples/router" lacking
slotwise doctor --print lacking >printed && fail "doctor finds nothing missing"
sed -n '/^# /,$p' printed >make.sh
bash -euo pipefail make.sh >made 2>&1 || fail "a command that doctor prints failed: $(cat make.sh made)"
grep -q ':routerInput:' made && grep -q ':routerNetworkInterface:' made || fail "nothing was made: $(cat make.sh made)"

active=$(aws mediaconnect list-router-outputs --query "length(RouterOutputs[?State=='ACTIVE'])")
[ "$active" = 4 ] || fail "4 outputs were to be on air, and $active are: $(cat shown)"
echo "examples/router/README.md: $(grep -c . guide.sh) lines of commands, 4 destinations on air"
