"""The commands of tools/triton/README.md, as they stand there, from an artifact to answers."""

import json
import os
import re
import signal
import subprocess
import sys
import unittest

import support


class Readme(unittest.TestCase):
    def test_from_an_artifact_to_a_served_model(self):
        with open(support.root("tools/triton/README.md")) as file:
            [commands] = re.findall(r"```sh\n(.*?)```", file.read(), re.DOTALL)
        install = "python3 -m venv build/server && build/server/bin/pip install --quiet nvidia-pytriton==0.7.0\n"
        self.assertIn(install, commands)
        commands = commands.replace(install, "").replace("make deps all triton\n", "")  # were done before this test
        commands = commands.replace("build/server/", sys.prefix + "/").replace("build/release", support.build)
        for port in ("http", "grpc", "metrics"):
            number = {"http": 8000, "grpc": 8001, "metrics": 8002}[port]
            free = support.free_port()
            commands = commands.replace(f"localhost:{number}", f"localhost:{free}")
            commands = commands.replace("--model-repository=models", f"--{port}-port={free} --model-repository=models")
        folder = os.path.join(support.folder, "readme")
        os.makedirs(folder)
        os.symlink(os.path.abspath(support.root("samples")), os.path.join(folder, "samples"))
        script = "set -eu\n" + commands.replace("curl -s", "echo; curl -sS") + "\nkill %1; wait"
        shell = subprocess.Popen(
            ["bash", "-m", "-c", script],
            cwd=folder,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            start_new_session=True,
        )
        try:
            said, _ = shell.communicate(timeout=120)
        finally:
            if shell.poll() is None:
                os.killpg(shell.pid, signal.SIGKILL)
        metadata, answer = [json.loads(line) for line in said.splitlines() if line.startswith("{")]
        self.assertEqual(metadata["inputs"][0]["shape"], [1, 1, 8, 8])
        logits = answer["outputs"][0]["data"]
        self.assertEqual(logits.index(max(logits)), 3)
        self.assertIn('erc_completed_total{class="rt",model="digits.erc",version="1"} ', said)
