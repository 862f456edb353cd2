"""The manifests: linted by tools that are not ours, and each tried by starting slotwise as it says.

    python manifests.py PATH_OF_SLOTWISE MOTO_URL PARTS

A process gets the command line, the environment, the user, the files and the probes of its manifest. As root it runs in a
root of its own that is read only and holds nothing but what the image has, as process 1; otherwise with the paths put
below a temporary directory. MediaLive is `slotwise emulator`, DynamoDB is moto's. PARTS is where promtool and Prometheus
are looked for besides PATH. Prints a line per check, and one for each thing that could not be tried here.
"""

import contextlib
import json
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.parse
import urllib.request

import boto3
import yaml
from cfnlint.decode import cfn_yaml

SLOTWISE, MOTO = str(pathlib.Path(sys.argv[1]).resolve()), sys.argv[2]
PARTS = pathlib.Path(sys.argv[3]).resolve()
ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
MANIFESTS = ROOT / "manifests"
KUBERNETES = MANIFESTS / "kubernetes"
TOKEN = "a-token-of-the-contract-test"
KEY = "canary-k3y"
USER = 65532
AWS = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_EC2_METADATA_DISABLED": "true"}
PATIENCE = 60


def check(what, holds, detail=""):
    print(f"{'ok  ' if holds else 'FAIL'}  {what}", flush=True)
    if not holds:
        sys.exit(f"{detail}")


def not_tried(what):
    print(f"----  not tried here: {what}", flush=True)


def until(what, holds, patience=PATIENCE, detail=lambda: ""):
    end = time.monotonic() + patience
    while not (held := holds()) and time.monotonic() < end:
        time.sleep(0.2)
    check(what, held, detail())
    return held


def free_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


# -- tools that are not ours ---------------------------------------------------------------------------------------------


def tool(name):
    beside = [str(pathlib.Path(sys.executable).parent), str(PARTS / "prometheus/usr/bin")]
    return shutil.which(name, path=os.pathsep.join([*beside, os.environ["PATH"]]))


def lint(what, name, *arguments, expect_silence=False, **options):
    """Runs a linter, if it is there; gives what it printed."""
    path = tool(name)
    if path is None:
        not_tried(f"{what}: {name} is not installed")
        return None
    done = subprocess.run([path, *map(str, arguments)], capture_output=True, text=True, cwd=ROOT, timeout=120, **options)
    said = done.stdout + done.stderr
    check(f"{name}: {what}", done.returncode == 0 and not (expect_silence and said.strip()), said)
    return done.stdout


def linted(folder):
    rendered = lint("kubernetes/ is built", "kubectl", "kustomize", KUBERNETES)
    resources = folder / "kubernetes.yaml"
    kustomization = yaml.safe_load((KUBERNETES / "kustomization.yaml").read_text())
    if rendered is None:
        rendered = "---\n".join((KUBERNETES / name).read_text() for name in kustomization["resources"])
    resources.write_text(rendered)
    for version in ("1.27", "1.33", "1.37"):
        lint(f"kubernetes/ fits the schemas of {version}", "kubernetes-validate", "--strict", "--quiet", "-k", version, resources)
    not_tried("a cluster: admission, the kubelet, the network policy")
    lint("ecs.yaml, dynamodb-tables.yaml", "cfn-lint", "--", MANIFESTS / "ecs.yaml", MANIFESTS / "dynamodb-tables.yaml")
    not_tried("CloudFormation and ECS themselves")
    lint("Dockerfile", "hadolint", MANIFESTS / "container/Dockerfile")
    not_tried("a build of the image: no container engine, no base images")
    unit = folder / "slotwise.service"
    unit.write_text((MANIFESTS / "systemd/slotwise.service").read_text().replace("/usr/local/bin/slotwise", SLOTWISE))
    # It ends with 0 whatever it has to say.
    lint("slotwise.service is understood", "systemd-analyze", "verify", "--man=no", unit, expect_silence=True)
    lint("slotwise.service exposes little", "systemd-analyze", "security", "--offline=yes", "--threshold=20", unit)
    not_tried("the sandbox of slotwise.service: no systemd runs here")
    lint("alerts.yaml", "promtool", "check", "rules", MANIFESTS / "prometheus/alerts.yaml")
    lint("each alert fires on what it is for, and not otherwise", "promtool", "test", "rules", "tests/contract/alerts_test.yaml")
    workflow = ROOT / "examples/ci/.github/workflows/live.yaml"
    lint("examples/ci fits GitHub's schema", "check-jsonschema", "--builtin-schema", "vendor.github-workflows", workflow)
    lint("examples/ci gives away no right", "zizmor", "--offline", "--no-progress", "--quiet", workflow)
    no_job_shares_the_group_of_apply(yaml.safe_load(workflow.read_text()))
    not_tried("the workflow on GitHub")


def no_job_shares_the_group_of_apply(workflow):
    jobs = workflow["jobs"]
    groups = {name: job["concurrency"]["group"] for name, job in jobs.items()}
    others = [group for name, group in groups.items() if name != "apply"]
    apart = groups["apply"] == "live-apply" and all("${{ github.event.number }}" in group for group in others)
    check("  no pull request is in the concurrency group of apply", "concurrency" not in workflow and apart, groups)
    check("  and nothing cancels an apply half way", jobs["apply"]["concurrency"]["cancel-in-progress"] is False)


# -- what is written twice ------------------------------------------------------------------------------------------------


def template(name):
    return json.loads(json.dumps(cfn_yaml.load(str(MANIFESTS / name))))


def put_in(node, values):
    """`node` of a template with its parameters put in."""
    if isinstance(node, list):
        return [put_in(item, values) for item in node]
    if not isinstance(node, dict):
        return node
    if list(node) == ["Ref"]:
        return values.get(node["Ref"], node)
    if list(node) == ["Fn::Sub"]:
        return re.sub(r"\$\{([^}]+)\}", lambda name: values[name[1]], node["Fn::Sub"])
    return {key: put_in(value, values) for key, value in node.items()}


def parameters(stack):
    defaults = {name: one["Default"] for name, one in stack["Parameters"].items() if "Default" in one}
    return {**defaults, "AWS::Partition": "aws", "AWS::AccountId": "111122223333", "AWS::Region": "us-east-1"}


def written_once():
    stack, tables = template("ecs.yaml"), template("dynamodb-tables.yaml")
    policies = stack["Resources"]["TaskRole"]["Properties"]["Policies"]
    policy = put_in(policies[0]["PolicyDocument"], parameters(stack))
    expected = json.loads((MANIFESTS / "iam-policy.json").read_text())
    check("ecs.yaml gives the task the policy of iam-policy.json", policy == expected and len(policies) == 1, policy)
    for name, table in tables["Resources"].items():
        check(f"ecs.yaml makes the table {name} of dynamodb-tables.yaml", stack["Resources"][name] == table)
    return stack


# -- processes ------------------------------------------------------------------------------------------------------------

IN_A_ROOT = """
set -e
root=$1 binary=$2 user=$3 writable=$4
shift 4
mount --make-rprivate /
mount --bind "$root" "$root"
mount --bind "$binary" "$root/usr/local/bin/slotwise"
mount --rbind /dev "$root/dev"
mount -t proc proc "$root/proc"
for dir in $writable; do mount --bind "$root$dir" "$root$dir"; done
mount -o remount,bind,ro "$root"
exec chroot --userspec="$user:$user" "$root" "$@"
"""
UNSHARE = ["unshare", "--mount", "--pid", "--fork"]


def may_have_a_root():
    if os.geteuid() != 0 or not shutil.which("unshare"):
        return False
    return subprocess.run([*UNSHARE, "true"], capture_output=True).returncode == 0


HAS_ROOT = may_have_a_root()


class Machine:
    """A directory that holds what the process is to see at /."""

    def __init__(self, folder):
        self.root = folder
        for name in ("dev", "proc", "tmp", "usr/local/bin"):
            (folder / name).mkdir(parents=True)
        (folder / "usr/local/bin/slotwise").touch()
        if HAS_ROOT:
            # The image has these: the libraries with the loader, and the certificates, without which no client is made.
            files = ["/etc/ssl/certs/ca-certificates.crt"]
            files += re.findall(r"(/\S+) \(0x", subprocess.run(["ldd", SLOTWISE], capture_output=True, text=True).stdout)
            for file in files:
                copy = folder / file[1:]
                copy.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(file, copy)

    def at(self, path):
        return self.root / path.lstrip("/")

    def here(self, text):
        """What `text` with paths of the machine is for the process."""
        return text if HAS_ROOT else text.replace("/etc/slotwise", str(self.at("/etc/slotwise")))

    def start(self, arguments, environment, log, writable=""):
        command = [self.here(argument) for argument in arguments]
        if HAS_ROOT:
            shell = ["sh", "-c", IN_A_ROOT, "sh", str(self.root), SLOTWISE, str(USER), writable]
            command = [*UNSHARE, *shell, *command]
        else:
            command[0] = SLOTWISE
        environment = {name: self.here(value) for name, value in environment.items()}
        return Process(command, environment, log)


class Process:
    """slotwise, started, and what it has said so far."""

    def __init__(self, command, environment, log):
        self.log = log
        # Nothing of this shell but PATH, by which unshare finds its programs.
        environment = {"PATH": os.environ["PATH"], **environment}
        with log.open("w") as out:
            self.process = subprocess.Popen(command, env=environment, stdout=out, stderr=subprocess.STDOUT)
        STARTED.append(self)

    def said(self):
        return self.log.read_text()

    def pid(self):
        if not HAS_ROOT or self.process.args[0] != "unshare":
            return self.process.pid
        children = pathlib.Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
        return int(children[0]) if children else None

    def terminate(self, within):
        os.kill(self.pid(), signal.SIGTERM)
        return self.process.wait(timeout=within)

    def end(self):
        if self.process.poll() is None:
            with contextlib.suppress(OSError, TypeError):
                os.kill(self.pid(), signal.SIGKILL)
            self.process.kill()
            self.process.wait()


STARTED = []


def get(url, token=None):
    """Status and body, or 0 without an answer."""
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    try:
        with urllib.request.urlopen(urllib.request.Request(url, headers=headers), timeout=5) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()
    except OSError:
        return 0, ""


def status(url):
    code, body = get(f"{url}/api/v1/destinations", TOKEN)
    return json.loads(body) if code == 200 else {"destinations": [], "conditions": []}


def phase(url, name):
    return next((one["phase"] for one in status(url)["destinations"] if one["name"] == name), None)


def leads(url):
    return next((one["status"] for one in status(url)["conditions"] if one["type"] == "Leader"), None)


def one_leads(urls):
    return sorted(map(str, map(leads, urls))) == ["False", "True"]


class Emulator:
    """A MediaLive of its own, and the variables by which slotwise finds it and moto."""

    def __init__(self, folder, source):
        port = free_port()
        self.environment = {
            **AWS,
            "AWS_ENDPOINT_URL_MEDIALIVE": f"http://127.0.0.1:{port}",
            "AWS_ENDPOINT_URL_DYNAMODB": MOTO,
            "AWS_ENDPOINT_URL_DYNAMODB_STREAMS": MOTO,
            # For this test not to take minutes.
            "SLOTWISE_INTERVAL": "5s",
            "SLOTWISE_TRANSITION_INTERVAL": "1s",
        }
        command = [SLOTWISE, "emulator", "--listen", f"127.0.0.1:{port}", "--speed", "500", str(source)]
        Process(command, {"PATH": os.environ["PATH"]}, folder / "emulator.log")
        until("an emulator answers", lambda: get(f"http://127.0.0.1:{port}/_emulator/calls")[0] == 200)


def dockerfile():
    text = (MANIFESTS / "container/Dockerfile").read_text()
    check("the image runs as the user that the manifests name", f"USER {USER}:{USER}" in text)
    return json.loads(re.search(r"^ENTRYPOINT (\[.*\])$", text, re.MULTILINE)[1]), text


def make_tables(stack, region):
    """The tables, as ecs.yaml describes them."""
    dynamodb = boto3.client("dynamodb", endpoint_url=MOTO, region_name=region)
    for name in ("Lease", "Destinations"):
        wanted = put_in(stack["Resources"][name]["Properties"], parameters(stack))
        wanted.pop("PointInTimeRecoverySpecification", None)
        if "StreamSpecification" in wanted:
            wanted["StreamSpecification"]["StreamEnabled"] = True
        dynamodb.create_table(**wanted)
    return dynamodb


def ends_orderly(what, process, within, keys=True):
    code = process.terminate(within)
    said = process.said()
    check(f"{what}: SIGTERM ends it with 143 after an orderly drain", code == 143 and "ending" in said, f"{code}\n{said}")
    check("  and no key or token was shown", KEY not in said and TOKEN not in said, said)
    return said


# -- Kubernetes -----------------------------------------------------------------------------------------------------------


def mount(directory, files, mode, group):
    """Mounts `files` as the kubelet does: links to `..data`, which is a link that is swapped when they change."""
    directory.mkdir(parents=True, exist_ok=True)
    data = directory / f"..{time.time_ns()}"
    data.mkdir()
    for name, text in files.items():
        (data / name).write_text(text)
        (data / name).chmod(mode)
        if HAS_ROOT:
            os.chown(data / name, 0, group)
        if not (directory / name).is_symlink():
            (directory / name).symlink_to(f"..data/{name}")
    new = directory / "..data_tmp"
    new.symlink_to(data.name)
    old = (directory / "..data").resolve() if (directory / "..data").is_symlink() else None
    new.rename(directory / "..data")
    for link in directory.iterdir():
        if not link.name.startswith("..") and link.name not in files:
            link.unlink()
    if old:
        shutil.rmtree(old)


def kubernetes(folder, entrypoint, stack):
    deployment = yaml.safe_load((KUBERNETES / "deployment.yaml").read_text())["spec"]
    pod = deployment["template"]["spec"]
    [container] = pod["containers"]
    as_user = pod["securityContext"]
    check("Kubernetes: the user is that of the image", as_user["runAsUser"] == as_user["fsGroup"] == USER)
    [generated] = yaml.safe_load((KUBERNETES / "kustomization.yaml").read_text())["configMapGenerator"]
    live = {pathlib.Path(file).name: (KUBERNETES / file).read_text() for file in generated["files"]}
    declared = {file.name for file in (KUBERNETES / "live").iterdir()}
    check("  every file of live/ is in the ConfigMap", set(live) == declared, declared)
    names = re.findall(r"file: \.\./keys/(\S+)", "".join(live.values()))
    contents = {
        generated["name"]: live,
        "slotwise-keys": {name: f"{KEY}-{name}\n" for name in names},
        "slotwise-api": {"token": f"{TOKEN}\n"},
    }
    machine = Machine(folder / "pod")
    volumes = {volume["name"]: volume for volume in pod["volumes"]}
    directories = {}
    for place in container["volumeMounts"]:
        volume = volumes.pop(place["name"])
        source = volume.get("configMap") or volume["secret"]
        name = source.get("name") or source["secretName"]
        directories[name] = machine.at(place["mountPath"])
        mount(directories[name], contents[name], source.get("defaultMode", 0o644), as_user["fsGroup"])
    check("  every volume is mounted", not volumes, volumes)

    emulator = Emulator(folder, KUBERNETES / "live")
    environment = {**emulator.environment, **{one["name"]: one["value"] for one in container["env"]}}
    make_tables(stack, environment["AWS_REGION"])
    [port] = [one["containerPort"] for one in container["ports"]]
    replicas = {}
    for number in range(deployment["replicas"]):
        free = free_port()
        arguments = [argument.replace(f":{port}", f":{free}") for argument in container["args"]]
        process = machine.start([*entrypoint, *arguments], environment, folder / f"replica-{number}.log")
        replicas[f"http://127.0.0.1:{free}"] = process
    probes = {name: container[f"{name}Probe"]["httpGet"] for name in ("liveness", "readiness")}
    for url, process in replicas.items():
        for name, probe in probes.items():
            check(f"  the {name} probe asks the port that is listened on", probe["port"] in ("http", port))
            until(f"  it answers {probe['path']} without the token", lambda: get(url + probe["path"])[0] == 200, detail=process.said)
        codes = get(f"{url}/metrics")[0], get(f"{url}/metrics", TOKEN)[0]
        check("  and /metrics only with it", codes == (401, 200), codes)
    until("  one of two replicas leads", lambda: one_leads(replicas), detail=lambda: "".join(one.said() for one in replicas.values()))
    for url in replicas:
        until("  both tell that youtube-main is on air", lambda: phase(url, "youtube-main") == "Streaming", detail=lambda: status(url))

    changed = {name: text.replace("state: Ready", "state: Streaming") for name, text in live.items()}
    mount(directories[generated["name"]], changed, 0o644, as_user["fsGroup"])
    for url in replicas:
        until("  a ConfigMap that changes puts twitch-main on air, without a restart", lambda: phase(url, "twitch-main") == "Streaming")
    watched(folder, replicas)
    for contents, code in ({}, 503), (changed, 200):
        mount(directories[generated["name"]], contents, 0o644, as_user["fsGroup"])
        for url in replicas:
            until(f"  with {'all' if contents else 'nothing'} in it /readyz gives {code}", lambda: get(f"{url}/readyz")[0] == code)
        time.sleep(2)
        on_air = [phase(url, name) for url in replicas for name in ("youtube-main", "twitch-main")]
        check("  and every destination stays on air", set(on_air) == {"Streaming"}, on_air)
    [leader] = [url for url in replicas if leads(url) == "True"]
    [other] = [url for url in replicas if url != leader]
    ends_orderly("  the leader", replicas[leader], pod["terminationGracePeriodSeconds"])
    until("  and the other one leads", lambda: leads(other) == "True", patience=10)
    said = ends_orderly("  and that one", replicas[other], pod["terminationGracePeriodSeconds"])
    check("  its log is JSON, line by line", all(json.loads(line) for line in said.splitlines()))


# -- Prometheus and Grafana -------------------------------------------------------------------------------------------------


def queries(dashboard):
    for panel in dashboard["panels"]:
        for target in panel.get("targets", []):
            query = target["expr"].replace("$__rate_interval", "1m").replace("$job", ".+")
            yield panel["title"], query


def watched(folder, replicas):
    """A real Prometheus scrapes the replicas and answers every query of the dashboard."""
    dashboard = json.loads((MANIFESTS / "grafana/slotwise.json").read_text())
    panels = dashboard["panels"]
    check("the dashboard has each panel once", len({panel["id"] for panel in panels}) == len(panels))
    taken = [
        (x, y)
        for panel in panels
        for at in [panel["gridPos"]]
        for x in range(at["x"], at["x"] + at["w"])
        for y in range(at["y"], at["y"] + at["h"])
    ]
    check("  none lies over another or beyond the edge", len(set(taken)) == len(taken) and max(taken)[0] < 24)
    not_tried("an import into Grafana itself")
    program = tool("prometheus")
    if program is None:
        not_tried("the queries of the dashboard on Prometheus: it is not installed")
        return
    port = free_port()
    settings = {
        "global": {"scrape_interval": "1s", "evaluation_interval": "1s"},
        "rule_files": [str(MANIFESTS / "prometheus/alerts.yaml")],
        "scrape_configs": [
            {
                "job_name": "slotwise",
                "authorization": {"credentials": TOKEN},
                "static_configs": [{"targets": [url.removeprefix("http://") for url in replicas]}],
            }
        ],
    }
    (folder / "prometheus.yml").write_text(yaml.safe_dump(settings))
    command = [
        program,
        f"--config.file={folder / 'prometheus.yml'}",
        f"--storage.tsdb.path={folder / 'prometheus'}",
        f"--web.listen-address=127.0.0.1:{port}",
    ]
    process = Process(command, {}, folder / "prometheus.log")

    def ask(query):
        code, body = get(f"http://127.0.0.1:{port}/api/v1/query?{urllib.parse.urlencode({'query': query})}")
        return json.loads(body)["data"]["result"] if code == 200 else None

    def has_two_samples():
        counted = ask("count(count_over_time(slotwise_build_info[1m]) > 3)")
        return bool(counted) and counted[0]["value"][1] == str(len(replicas))

    until("  Prometheus scrapes both replicas", has_two_samples, detail=process.said)
    # Nothing of these happened, so there is no series.
    may_be_empty = {"What destinations wait for"}
    for title, query in queries(dashboard):
        answer = ask(query)
        check(f"  it answers: {title}", answer is not None and (answer or title in may_be_empty), query)
    _, body = get(f"http://127.0.0.1:{port}/api/v1/rules")
    rules = [rule for group in json.loads(body)["data"]["groups"] for rule in group["rules"]]
    ill = {rule["name"]: rule.get("lastError") for rule in rules if rule["health"] != "ok"}
    check("  it evaluates every alert", rules and not ill, ill)
    on = [rule["name"] for rule in rules if rule["state"] == "firing"]
    check("  and none fires", not on, on)
    process.end()


# -- ECS --------------------------------------------------------------------------------------------------------------------


def ecs(folder, entrypoint, image, stack):
    values = parameters(stack)
    dynamodb = make_tables(stack, values["AWS::Region"])
    resources = stack["Resources"]
    task = put_in(resources["Task"]["Properties"], values)
    containers = {one["Name"]: one for one in task["ContainerDefinitions"]}
    declare, slotwise = containers["declare"], containers["slotwise"]
    check("ECS: the user is that of the image", slotwise["User"] == f"{USER}:{USER}")
    machine = Machine(folder / "task")
    [place] = slotwise["MountPoints"]
    machine.at(place["ContainerPath"]).mkdir(parents=True)
    command = [part.replace("/etc/slotwise", str(machine.at("/etc/slotwise"))) for part in declare["Command"]]
    environment = {one["Name"]: one["Value"] for one in declare["Environment"]}
    subprocess.run(command, env={"PATH": os.environ["PATH"], **environment}, check=True)
    source = machine.at(place["ContainerPath"])
    emulator = Emulator(folder, source)
    environment = {**emulator.environment, **{one["Name"]: one["Value"] for one in slotwise["Environment"]}}
    [secret] = slotwise["Secrets"]
    environment[secret["Name"]] = TOKEN
    [port] = [str(one["ContainerPort"]) for one in slotwise["PortMappings"]]
    check("  its lease table is that of the template", f"--lease-table={values['LeaseTable']}" in slotwise["Command"])
    tasks = {}
    for number in range(resources["Service"]["Properties"]["DesiredCount"]):
        free = str(free_port())
        arguments = [argument.replace(f":{port}", f":{free}") for argument in slotwise["Command"]]
        process = machine.start([*entrypoint, *arguments], environment, folder / f"task-{number}.log")
        tasks[f"http://127.0.0.1:{free}"] = process
    cmd, program, *flags, probe = slotwise["HealthCheck"]["Command"]
    check("  its health check needs no shell, and the image has the program", cmd == "CMD" and f"/busybox {program}" in image)
    for url, process in tasks.items():
        here = probe.replace(f"http://127.0.0.1:{port}", url)
        until(f"  it answers {here.removeprefix(url)} without the token", lambda: get(here)[0] == 200, detail=process.said)
        if wget := shutil.which("wget"):
            check("  and so says wget", subprocess.run([wget, *flags, here]).returncode == 0)
        until("  it has seen the channels", lambda: get(f"{url}/readyz")[0] == 200, detail=process.said)
    until("  one of two tasks leads", lambda: one_leads(tasks), detail=lambda: "".join(one.said() for one in tasks.values()))
    item = {"name": "youtube-main", "state": "Streaming", "url": "rtmp://a.example/live", "streamKey": f"{KEY}-main"}
    dynamodb.put_item(TableName=values["DestinationsTable"], Item={name: {"S": text} for name, text in item.items()})

    def shown():
        found = dynamodb.get_item(TableName=values["DestinationsTable"], Key={"name": {"S": "youtube-main"}})["Item"]
        return found.get("status", {}).get("M", {}).get("phase", {}).get("S")

    until("  an item of the table goes on air and says so itself", lambda: shown() == "Streaming", detail=shown)
    for url, process in tasks.items():
        ends_orderly("  a task", process, slotwise["StopTimeout"])


# -- systemd ------------------------------------------------------------------------------------------------------------------


def systemd(folder):
    text = (MANIFESTS / "systemd/slotwise.service").read_text()
    settings = dict(re.findall(r"^(\w+)=(.*)$", text, re.MULTILINE))
    machine = Machine(folder / "host")
    shutil.copytree(ROOT / "examples/quickstart", machine.at("/etc/slotwise"))
    # ExecStartPre=+install -d -m 1777 /run/slotwise
    made = machine.at(settings["ReadWritePaths"])
    install = settings["ExecStartPre"].removeprefix("+").split()
    check("systemd: it makes the directory that it may write to", install[-1] == settings["ReadWritePaths"])
    subprocess.run([*install[:-1], str(made)], check=True)
    emulator = Emulator(folder, machine.at("/etc/slotwise"))
    port = free_port()
    environment = {**emulator.environment, "AWS_REGION": "eu-central-1", "SLOTWISE_LISTEN": f"127.0.0.1:{port}"}
    arguments = settings["ExecStart"].split()
    url = f"http://127.0.0.1:{port}"
    writable = settings["ReadWritePaths"]
    process = machine.start(arguments, environment, folder / "service.log", writable)
    until("  it is ready", lambda: get(f"{url}/readyz")[0] == 200, detail=process.said)
    if HAS_ROOT:
        check("  it locks where the unit says", any(made.iterdir()))
        second = machine.start([*arguments, "--listen=127.0.0.1:0"], environment, folder / "second.log", writable)
        check("  a second one ends with 7, and is tried again", second.process.wait(PATIENCE) == 7, second.said())
    wrong = machine.start([*arguments, "--no-such-flag"], environment, folder / "wrong.log")
    code = str(wrong.process.wait(PATIENCE))
    check("  a wrong command line is not tried again", code == settings["RestartPreventExitStatus"], wrong.said())
    os.kill(process.pid(), signal.SIGHUP)
    time.sleep(0.5)
    check("  SIGHUP, which a reload sends, does not end it", process.process.poll() is None and "HUP" in settings["ExecReload"])
    ends_orderly("  the service", process, int(settings["TimeoutStopSec"]))
    check("  which systemd takes for success", settings["SuccessExitStatus"] == "143")


def main():
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        # The process's own user has to get there.
        folder.chmod(0o755)
        linted(folder)
        stack = written_once()
        if not HAS_ROOT:
            not_tried("a read-only root, another user, process 1: needs root and unshare")
        entrypoint, image = dockerfile()
        for part in ("kubernetes", "ecs", "systemd"):
            (folder / part).mkdir()
        kubernetes(folder / "kubernetes", entrypoint, stack)
        ecs(folder / "ecs", entrypoint, image, stack)
        systemd(folder / "systemd")


try:
    main()
finally:
    for one in STARTED:
        one.end()
