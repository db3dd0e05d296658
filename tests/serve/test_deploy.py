"""The scripts of samples/deploy, as far as one machine can show them."""

import concurrent.futures
import json
import os
import shutil
import signal
import subprocess
import threading
import time
import unittest
import urllib.parse
import urllib.request

import numpy
import support
import tritonclient.grpc as grpc
import tritonclient.http as http
from tritonclient.utils import InferenceServerException

RATE = 100  # requests a second
SECONDS = float(os.environ.get("SERVE_SECONDS", "6"))


def deploy(path):
    return support.root(f"samples/deploy/{path}")


def images(count):
    return numpy.random.default_rng(7).random([count, 1, 3, 96, 96], "float32")


class Load:
    """Requests at a steady rate, whatever becomes of those before; each answer is compared."""

    def __init__(self, send, wanted):
        self.send, self.wanted = send, wanted
        self.right = self.wrong = self.repeated = 0
        self.errors, self.slowest, self.lock = [], 0.0, threading.Lock()

    def one(self, number):
        begin = time.perf_counter()
        try:
            found, tries = self.send(number % len(self.wanted))
        except Exception as error:  # every kind is a lost request
            with self.lock:
                self.errors.append(str(error))
            return
        with self.lock:
            self.slowest = max(self.slowest, time.perf_counter() - begin)
            self.repeated += tries - 1
            if found.tobytes() == self.wanted[number % len(self.wanted)].tobytes():
                self.right += 1
            else:
                self.wrong += 1

    def run(self, seconds):
        begin, sent = time.perf_counter(), 0
        with concurrent.futures.ThreadPoolExecutor(32) as threads:
            while time.perf_counter() - begin < seconds:
                threads.submit(self.one, sent)
                sent += 1
                time.sleep(max(0, begin + sent / RATE - time.perf_counter()))
        self.sent = sent


def needs(*programs):
    missing = [program for program in programs if not shutil.which(program)]
    return unittest.skipIf(missing, f"not installed: {' '.join(missing)}")


class Replicas(unittest.TestCase):
    input, output = "input", "output"

    def setUp(self):
        self.folder = os.path.join(support.folder, self._testMethodName)
        self.repository = os.path.join(support.folder, "deployed")
        support.add_model(self.repository, "network", support.network("mobilenetv2", 96), {"class": "rt"})
        os.environ.update(support.triton_environment(), BACKENDS=os.path.join(support.build, "triton"))
        os.environ["PORT"] = str(support.free_ports(10))

    def replicas(self, *arguments):
        done = subprocess.run([deploy("replicas/replicas.sh"), *arguments], capture_output=True, text=True, timeout=120)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        return dict(line.split(" ", 1) for line in done.stdout.splitlines())

    def kill(self, name):
        with open(os.path.join(self.folder, f"{name}.pid")) as file:
            os.kill(int(file.read()), signal.SIGKILL)

    def wanted(self, given):
        path = support.network("mobilenetv2", 96)
        return [support.expected(path, {self.input: image}, [self.output])[self.output] for image in given]

    def disturb(self, load):
        """Kills each replica once, while the other one serves."""
        thread = threading.Thread(target=load.run, args=[SECONDS], daemon=True)
        thread.start()
        for name in ("a", "b"):
            time.sleep(SECONDS / 6)
            self.kill(name)
            time.sleep(SECONDS / 6)
            self.replicas("restart", name, self.repository, self.folder)
        thread.join()

    @needs("haproxy", "curl")
    def test_kill_under_load(self):
        given = images(8)
        wanted = self.wanted(given)
        addresses = self.replicas("start", self.repository, self.folder)
        local = threading.local()

        def over_rest(number):
            if not hasattr(local, "rest"):
                local.rest = http.InferenceServerClient(addresses["rest"])
            made = support.inputs_of(http, {self.input: given[number]})
            return local.rest.infer("network", made).as_numpy(self.output), 1

        def over_grpc(number):
            """The client repeats what was on its way when a replica ended."""
            if not hasattr(local, "grpc"):
                local.grpc = grpc.InferenceServerClient(addresses["grpc"])
            made = support.inputs_of(grpc, {self.input: given[number]})
            for tries in range(1, 6):
                try:
                    return local.grpc.infer("network", made).as_numpy(self.output), tries
                except InferenceServerException as error:
                    if "UNAVAILABLE" not in str(error) and "INTERNAL" not in str(error) or tries == 5:
                        raise
                    time.sleep(0.02)

        try:
            for way, send in (("REST", over_rest), ("gRPC", over_grpc)):
                load = Load(send, wanted)
                self.disturb(load)
                print(f"    {way}: {load.sent} requests, both replicas killed once: {load.right} right, {load.wrong} "
                      f"wrong, {len(load.errors)} lost, {load.repeated} repeated by the client, "
                      f"slowest {1e3 * load.slowest:.0f} ms")
                with self.subTest(way):
                    self.assertEqual((load.wrong, load.errors), (0, []))
                    self.assertEqual(load.right, load.sent)
            if "installed" not in addresses["prometheus"]:
                self.look_at_prometheus(addresses["prometheus"])
        finally:
            self.replicas("stop", self.folder)

    def look_at_prometheus(self, address):
        def query(text):
            url = f"http://{address}/api/v1/query?query={urllib.parse.quote(text)}"
            with urllib.request.urlopen(url) as page:
                return json.load(page)["data"]["result"]

        support.wait_for(lambda: len(query('up{job="triton"} == 1')) == 2)
        self.assertGreaterEqual(len(query('min_over_time(up{job="triton"}[2m]) == 0')), 1)  # it saw a replica down
        self.assertTrue(query('erc_completed_total{model="network",class="rt"}'))


class Rollout(unittest.TestCase):
    """A model gets another artifact, and another again, while it is used."""

    def rollout(self, *arguments, code=0):
        environment = {**os.environ, "ERC": os.path.join(support.build, "erc"), "REQUEST": self.request}
        command = [deploy("rollout/rollout.sh"), *arguments]
        done = subprocess.run(command, capture_output=True, text=True, timeout=120, env=environment)
        self.assertEqual(done.returncode, code, done.stdout + done.stderr)
        return done.stdout + done.stderr

    def scaled(self, factor):
        constant = support.helper.make_tensor("c", support.F32, [], [factor])
        nodes = [("Mul", "x c", "y")]
        made = support.model(nodes, [("x", support.F32, [4])], [("y", support.F32, [4])], [constant])
        return support.artifact(made, f"scaled-{factor}")

    @needs("curl")
    def test_forward_and_back(self):
        repository = os.path.join(support.folder, "rollout")
        support.add_model(repository, "scaled", self.scaled(1.0))
        other = support.model([("Neg", "x", "y")], [("x", support.F32, [5])], [("y", support.F32, [5])])
        bad = os.path.join(support.folder, "bad.erca")
        shutil.copy(self.scaled(2.0), bad)
        with open(bad, "r+b") as file:
            file.seek(os.path.getsize(bad) // 2)
            file.write(b"damaged")
        elsewhere = os.path.join(support.folder, "elsewhere.erca")
        support.command("compile", os.path.join(support.folder, "scaled-1.0.onnx"), "-o", elsewhere, "--quiet", "--target", "sim:h100")
        os.makedirs(os.path.join(repository, "plain.erc", "1"))  # without a configuration
        shutil.copy(self.scaled(1.0), os.path.join(repository, "plain.erc", "1", "model.erca"))
        self.request = os.path.join(support.folder, "request.json")
        with open(self.request, "w") as file:
            given = {"name": "x", "datatype": "FP32", "shape": [4], "data": [1, 2, 3, 4]}
            json.dump({"inputs": [given]}, file)
        x = numpy.array([1, 2, 3, 4], "float32")
        found, failures, stop = [], [], threading.Event()
        lax = ["--strict-readiness=false"]
        with support.Server(repository, lax) as first, support.Server(repository, lax) as second:
            servers = [f"127.0.0.1:{server.http}" for server in (first, second)]

            def use(server):
                client = server.grpc_client()
                while not stop.is_set():
                    try:
                        y = client.infer("scaled", support.inputs_of(grpc, {"x": x})).as_numpy("y")
                        found.append((server.http, y.tolist()))
                        if not client.is_server_ready():
                            failures.append("the server is not ready")
                    except Exception as error:  # every kind is a failed request
                        failures.append(str(error))
                client.close()

            users = [threading.Thread(target=use, args=[server], daemon=True) for server in (first, second)]
            for user in users:
                user.start()
            said = [self.rollout("forward", repository, "scaled", self.scaled(2.0), *servers)]
            said.append(self.rollout("forward", repository, "scaled", bad, *servers, code=1))
            said.append(self.rollout("forward", repository, "scaled", support.artifact(other, "other"), *servers, code=1))
            said.append(self.rollout("forward", repository, "scaled", elsewhere, *servers, code=1))
            self.rollout("forward", repository, "plain.erc", self.scaled(2.0), *servers)
            time.sleep(0.2)
            now = {port: y for port, y in found}  # the last ones
            self.assertEqual(list(now.values()), [[2, 4, 6, 8]] * 2)
            said.append(self.rollout("forward", repository, "scaled", self.scaled(3.0), *servers))
            time.sleep(0.2)
            self.assertEqual({str(y) for _, y in found[-20:]}, {"[3.0, 6.0, 9.0, 12.0]"})
            said.append(self.rollout("back", repository, "scaled", *servers))
            time.sleep(0.2)
            self.assertEqual({str(y) for _, y in found[-20:]}, {"[2.0, 4.0, 6.0, 8.0]"})
            stop.set()
            for user in users:
                user.join()
            self.assertEqual(failures, [])
            self.assertEqual({str(y) for _, y in found}, {f"[{k}.0, {2 * k}.0, {3 * k}.0, {4 * k}.0]" for k in (1, 2, 3)})
        print("    " + "    ".join("".join(said).splitlines(True)) + f"    {len(found)} answers, none failed")
        self.assertIn("SHA-256 does not match", said[1])
        self.assertIn("the artifact has", said[2])
        self.assertIn("no target or variant fits this device", said[3])
        self.assertEqual(sorted(os.listdir(os.path.join(repository, "scaled"))), ["1", "2", "config.pbtxt"])


class Metrics(unittest.TestCase):
    def names(self, texts):
        """Names of metrics in PromQL."""
        import re

        found = set()
        for text in texts:
            found |= set(re.findall(r"\b(?:erc|nv|up|haproxy)[a-z_]*\b", text))
        return found

    def test_dashboard_and_alerts_use_what_there_is(self):
        with open(deploy("replicas/dashboard.json")) as file:
            dashboard = json.load(file)
        with open(deploy("replicas/alerts.yml")) as file:
            lines = [line for line in file.read().splitlines() if "rate(" in line or "expr" in line]
        expressions = [target["expr"] for panel in dashboard["panels"] for target in panel.get("targets", [])]
        self.assertGreaterEqual(len(expressions), 8)
        repository = os.path.join(support.folder, "metrics")
        support.add_model(repository, "digits", support.digits(), {"class": "rt"})
        with support.Server(repository) as server:
            server.grpc_client().infer("digits", support.inputs_of(grpc, {"image": numpy.zeros([1, 1, 8, 8], "float32")}))
            page = server.get("/metrics", server.metrics)
        for name in sorted(self.names(expressions + lines) - {"up"}):
            with self.subTest(name):
                self.assertIn(f"\n{name}{{", page)

    @needs("promtool")
    def test_alerts(self):
        done = subprocess.run(["promtool", "test", "rules", "alerts_test.yml"], cwd=deploy("replicas"), capture_output=True)
        self.assertEqual(done.returncode, 0, done.stdout.decode() + done.stderr.decode())

    @needs("haproxy")
    def test_balancer_configuration(self):
        names = "REST GRPC A_REST A_GRPC B_REST B_GRPC BALANCER_METRICS BUFFER"
        environment = {**os.environ, **{name: "16384" for name in names.split()}}
        command = ["haproxy", "-c", "-f", deploy("replicas/haproxy.cfg")]
        done = subprocess.run(command, env=environment, capture_output=True, text=True)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
