"""What the tests and the benchmark share: models, repositories, and Triton's server as a process."""

import glob
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request

import numpy
import onnx
import tritonclient.grpc as grpc
import tritonclient.http as http
from onnx import helper

sys.path.append(os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from counted import F32, model, product  # noqa: E402

build = folder = ""


def set_up(build_folder):
    global build, folder
    build = os.path.abspath(build_folder)
    folder = os.path.join(build, "serve")
    shutil.rmtree(folder, ignore_errors=True)
    os.makedirs(folder)


def root(path):
    return os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", path)


def command(*arguments):
    """Runs `erc`; returns what it printed."""
    done = subprocess.run([os.path.join(build, "erc"), *arguments], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


# ---- models ----


def artifact(made, name, *options):
    """Compiles a model, or the ONNX file of that path; returns the artifact's path."""
    path = os.path.join(folder, f"{name}.erca")
    if not os.path.exists(path):
        source = made
        if not isinstance(made, str):
            source = os.path.join(folder, f"{name}.onnx")
            onnx.save(made, source)
        command("compile", source, "-o", path, "--quiet", "--target", "native", *options)
    return path


def digits(*options):
    return artifact(root("samples/digits/digits.onnx"), "digits" + "".join(options), "--dim", "batch=1", *options)


def network_file(name, size):
    path = os.path.join(folder, f"{name}-{size}.onnx")
    if not os.path.exists(path):
        subprocess.run([os.path.join(build, "make_model"), name, path, "--size", str(size)], check=True)
    return path


def network(name, size, *options):
    return artifact(network_file(name, size), f"{name}-{size}" + "".join(options), *options)


def expected(path, inputs, outputs):
    """The outputs of `erc run`, by name."""
    arguments = []
    for name, value in inputs.items():
        numpy.save(os.path.join(folder, f"in-{name}.npy"), value)
        arguments += ["--input", f"{name}=@{folder}/in-{name}.npy"]
    for name in outputs:
        arguments += ["--output", f"{name}=@{folder}/out-{name}.npy"]
    command("run", path, *arguments)
    return {name: numpy.load(f"{folder}/out-{name}.npy") for name in outputs}


# ---- the server ----


def add_model(repository, name, path, parameters=None, config="", version=1):
    """A model of a repository: parameters of the backend, and more text of the configuration."""
    os.makedirs(os.path.join(repository, name, str(version)), exist_ok=True)
    shutil.copy(path, os.path.join(repository, name, str(version), "model.erca"))
    text = 'backend: "erc"\n' + config
    for key, value in (parameters or {}).items():
        text += f'parameters {{ key: "{key}" value {{ string_value: "{value}" }} }}\n'
    with open(os.path.join(repository, name, "config.pbtxt"), "w") as file:
        file.write(text)


def free_port():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return taken.getsockname()[1]


def free_ports(count):
    """The first of that many ports in a row."""
    while True:
        first = free_port()
        try:
            for port in range(first, first + count):
                with socket.socket() as taken:
                    taken.bind(("127.0.0.1", port))
            return first
        except (OSError, OverflowError):
            pass


def triton_environment():
    """Where the package has the server and its libraries."""
    import pytriton

    package = os.path.dirname(pytriton.__file__)
    libraries = glob.glob(os.path.join(os.path.dirname(package), "nvidia_pytriton.libs"))
    return {
        "TRITONSERVER": os.path.join(package, "tritonserver", "bin", "tritonserver"),
        "TRITON_LIBRARIES": ":".join(libraries),
    }


class Server:
    """Triton's server, with the backend of this build, on ports of its own."""

    count = 0

    def __init__(self, repository, options=(), config=None, wait=True, ports=None, niceness=0):
        """config: of the backend, such as {"policy": "fifo"}."""
        place = triton_environment()
        self.http, self.grpc, self.metrics = ports or (free_port(), free_port(), free_port())
        arguments = [
            place["TRITONSERVER"],
            f"--model-repository={repository}",
            f"--backend-directory={build}/triton",
            "--http-address=127.0.0.1",
            "--grpc-address=127.0.0.1",
            f"--http-port={self.http}",
            f"--grpc-port={self.grpc}",
            f"--metrics-port={self.metrics}",
            "--metrics-interval-ms=200",
            "--model-control-mode=explicit",
            "--load-model=*",
            "--exit-on-error=false",
        ]
        arguments += [f"--backend-config=erc,{name}={value}" for name, value in (config or {}).items()]
        Server.count += 1
        self.log_path = os.path.join(folder, f"server-{os.getpid()}-{Server.count}.log")
        environment = {**os.environ, "LD_LIBRARY_PATH": place["TRITON_LIBRARIES"]}
        with open(self.log_path, "w") as log:
            self.process = subprocess.Popen(
                [*(["nice", "-n", str(niceness)] if niceness else []), *arguments, *options],
                stdout=log,
                stderr=log,
                env=environment,
            )
        if wait:
            self.wait_ready()

    def log(self):
        with open(self.log_path) as log:
            return log.read()

    def wait_ready(self, seconds=60):
        for _ in range(seconds * 20):
            assert self.process.poll() is None, self.log()
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{self.http}/v2/health/live"):
                    return
            except (urllib.error.URLError, ConnectionError):
                time.sleep(0.05)
        raise AssertionError("the server does not become ready:\n" + self.log())

    def stop(self):
        """Returns the exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(timeout=60)

    def kill(self):
        self.process.kill()
        self.process.wait()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.kill()

    def grpc_client(self):
        return grpc.InferenceServerClient(f"127.0.0.1:{self.grpc}")

    def http_client(self):
        return http.InferenceServerClient(f"127.0.0.1:{self.http}")

    def get(self, path, port=None):
        """The text of a page; the server's own text where it answers with an error."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port or self.http}{path}") as page:
                return page.read().decode()
        except urllib.error.HTTPError as error:
            return error.read().decode()

    def post(self, path, body):
        """Sends JSON; returns the text of the answer."""
        request = urllib.request.Request(f"http://127.0.0.1:{self.http}{path}", json.dumps(body).encode())
        try:
            with urllib.request.urlopen(request) as page:
                return page.read().decode()
        except urllib.error.HTTPError as error:
            return error.read().decode()

    def metric(self, name, **labels):
        """The sum of the samples that have these labels."""
        from prometheus_client.parser import text_string_to_metric_families

        total = None
        for family in text_string_to_metric_families(self.get("/metrics", self.metrics)):
            for sample in family.samples:
                if sample.name == name and all(sample.labels.get(key) == labels[key] for key in labels):
                    total = (total or 0) + sample.value
        return total

    def wait_metric(self, name, least, **labels):
        wait_for(lambda: (self.metric(name, **labels) or 0) >= least, 10)

    def memory_kb(self):
        with open(f"/proc/{self.process.pid}/status") as status:
            return int(next(line for line in status if line.startswith("VmRSS")).split()[1])


TYPES = {"float16": "FP16", "float32": "FP32", "float64": "FP64", "bool": "BOOL"}


def triton_type(array):
    return TYPES.get(array.dtype.name, array.dtype.name.upper())


def inputs_of(kind, inputs, **options):
    """kind: the module grpc or http."""
    made = []
    for name, value in inputs.items():
        made.append(kind.InferInput(name, list(value.shape), triton_type(value)))
        made[-1].set_data_from_numpy(value, **options)
    return made


def wait_for(condition, seconds=60):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, f"it did not happen within {seconds} s"
        time.sleep(0.01)
