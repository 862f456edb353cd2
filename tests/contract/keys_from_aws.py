"""Stream keys that AWS keeps, as a user has them: put by boto3, read by slotwise, rotated and deleted.

    python keys_from_aws.py PATH_OF_SLOTWISE MOTO_URL

SSM and Secrets Manager are moto's; MediaLive is the emulator in slotwise's own process. Prints a line per check and ends
with 1 at the first that fails.
"""

import json
import os
import pathlib
import signal
import subprocess
import sys
import tempfile
import time

import boto3

SLOTWISE, ENDPOINT = sys.argv[1:3]
EXAMPLE = pathlib.Path(__file__).parent.parent.parent / "examples" / "keys-in-aws"
CANARY = "canary-k3y"
ENVIRONMENT = {
    "PATH": os.environ["PATH"],
    "NO_COLOR": "1",
    "AWS_EC2_METADATA_DISABLED": "true",
    "AWS_ENDPOINT_URL_SSM": ENDPOINT,
    "AWS_ENDPOINT_URL_SECRETS_MANAGER": ENDPOINT,
}
ssm = boto3.client("ssm", endpoint_url=ENDPOINT)
secrets = boto3.client("secretsmanager", endpoint_url=ENDPOINT)


def check(what, holds, detail=""):
    print(f"{'ok  ' if holds else 'FAIL'}  {what}")
    if not holds:
        sys.exit(f"{detail}")


def slotwise(*arguments, expect, **environment):
    """Runs slotwise and checks its exit code; gives both streams together, in which no key may stand."""
    done = subprocess.run(
        [SLOTWISE, *arguments],
        env={**ENVIRONMENT, **environment},
        capture_output=True,
        text=True,
        timeout=120,
    )
    both = done.stdout + done.stderr
    check(f"slotwise {' '.join(arguments)} ends with {expect}", done.returncode == expect, f"{done.returncode}\n{both}")
    check("  and shows no key", CANARY not in both, both)
    return both


def put_keys():
    ssm.put_parameter(Name="/live/youtube", Type="SecureString", Value=f"{CANARY}-youtube")
    secrets.create_secret(Name="live/twitch", SecretString=json.dumps({"streamKey": f"{CANARY}-twitch", "user": "x"}))
    secrets.create_secret(Name="live/partner", SecretString=f"{CANARY}-partner\n")


def keys_are_found():
    text = slotwise("validate", str(EXAMPLE), expect=6)
    check("a missing parameter is reported", "there is no parameter /live/youtube in us-east-1" in text, text)
    check("a missing secret is reported", "there is no secret live/twitch in us-east-1" in text, text)
    slotwise("validate", "--no-keys", str(EXAMPLE), expect=0)
    put_keys()
    slotwise("validate", str(EXAMPLE), expect=0)
    slotwise("plan", "--emulator", str(EXAMPLE), expect=0)
    slotwise("run", "--once", "--emulator", "--emulator-speed", "1000", "-vvv", str(EXAMPLE), expect=0)
    slotwise(
        "validate", str(EXAMPLE), expect=0,
        AWS_REGION="us-east-1", AWS_ACCESS_KEY_ID="another", AWS_SECRET_ACCESS_KEY="x",
    )


def many_keys_and_names_of_all_kinds(folder):
    """25 parameters and 25 secrets are more than one call takes; ARNs, versions and partial ARNs are names too."""
    references = []
    for number in range(25):
        ssm.put_parameter(Name=f"/many/{number}", Type="String", Value=f"{CANARY}-{number}")
        secrets.create_secret(Name=f"many/{number}", SecretString=f"{CANARY}-s{number}")
        references += [f"ssm: /many/{number}", f"secretsManager: many/{number}"]
    ssm.put_parameter(Name="/live/youtube2", Type="SecureString", Value=f"{CANARY}-2")
    arn = ssm.get_parameter(Name="/live/youtube2")["Parameter"]["ARN"]
    secret = secrets.create_secret(Name="live/arn", SecretString=f"{CANARY}-arn")["ARN"]
    partial = secrets.create_secret(Name="live/partial", SecretString=f"{CANARY}-partial")["ARN"][:-7]
    references += [f'ssm: "{arn}"', 'ssm: "/many/0:1"', f'secretsManager: "{secret}"', f'secretsManager: "{partial}"']
    (folder / "pool.yaml").write_text((EXAMPLE / "pool.yaml").read_text())
    objects = [
        "apiVersion: slotwise.dev/v1alpha1\nkind: Destination\n"
        f"metadata: {{ name: d{index} }}\n"
        f"spec: {{ pool: main, state: Ready, url: 'rtmp://{index}.example/live', streamKeyFrom: {{ {reference} }} }}\n"
        for index, reference in enumerate(references)
    ]
    (folder / "many.yaml").write_text("---\n".join(objects))
    slotwise("validate", str(folder), expect=0)


class Daemon:
    """slotwise run, and its output so far."""

    def __init__(self, log):
        self.log = log
        with log.open("w") as out:
            self.process = subprocess.Popen(
                [SLOTWISE, "run", "--emulator", "--emulator-speed", "1000", "--key-ttl", "1s", str(EXAMPLE)],
                env=ENVIRONMENT, stdout=out, stderr=subprocess.STDOUT,
            )

    def tells(self, what, *words):
        for _ in range(150):
            # In one line: long sentences are broken where the terminal would end.
            text = " ".join(self.log.read_text().split())
            if all(word in text for word in words):
                break
            time.sleep(0.2)
        check(what, all(word in text for word in words), text)
        check("  and shows no key", CANARY not in text, text)

    def end(self):
        self.process.send_signal(signal.SIGTERM)
        check("it ends in order", self.process.wait(timeout=60) == 143, self.log.read_text())


def a_running_daemon_sees_what_changes(folder):
    daemon = Daemon(folder / "log")
    try:
        daemon.tells("both go on air", "converged")
        ssm.put_parameter(Name="/live/youtube", Type="SecureString", Value=f"{CANARY}-rotated", Overwrite=True)
        daemon.tells("a rotated parameter is seen", "youtube", "new key")
        secrets.delete_secret(SecretId="live/twitch", ForceDeleteWithoutRecovery=True)
        daemon.tells(
            "a deleted secret is reported with its fix", "key can no longer be read",
            "there is no secret live/twitch in us-east-1", "create it there, or correct the name",
        )
        secrets.create_secret(Name="live/twitch", SecretString=json.dumps({"streamKey": f"{CANARY}-twitch"}))
        daemon.tells("it heals by itself", "key can be read")
        secrets.put_secret_value(SecretId="live/partner", SecretString=json.dumps({"key": f"{CANARY}-json"}))
        daemon.tells("JSON is no key", "the secret live/partner is JSON, not a key", "live/partner#FIELD")
        secrets.put_secret_value(SecretId="live/partner", SecretBinary=CANARY.encode())
        daemon.tells("bytes are no key", "the secret live/partner is binary")
        check("the daemon goes on", daemon.process.poll() is None)
    finally:
        if daemon.process.poll() is None:
            daemon.end()


def deleted_keys_are_reported():
    ssm.delete_parameter(Name="/live/youtube")
    secrets.put_secret_value(SecretId="live/partner", SecretString=f"{CANARY}-partner")
    secrets.delete_secret(SecretId="live/partner")
    text = slotwise("plan", "--emulator", str(EXAMPLE), expect=6)
    check("a deleted parameter is reported with its fix", "there is no parameter /live/youtube in us-east-1" in text, text)
    check("a secret to be deleted is reported with its fix", "the secret live/partner is marked for deletion" in text, text)


def main():
    keys_are_found()
    with tempfile.TemporaryDirectory() as folder:
        many_keys_and_names_of_all_kinds(pathlib.Path(folder))
    with tempfile.TemporaryDirectory() as folder:
        a_running_daemon_sees_what_changes(pathlib.Path(folder))
    deleted_keys_are_reported()
    text = slotwise("validate", str(EXAMPLE), expect=6, AWS_ENDPOINT_URL_SSM="http://127.0.0.1:1")
    unreachable = "/live/youtube could not be read: the endpoint cannot be reached"
    check("a service out of reach is reported", unreachable in text, text)
    print("keys from AWS: all checks passed")


main()
