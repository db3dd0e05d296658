"""Ray Serve on two nodes, one of which fails under load: two_nodes.py small=small.erca large=large.erca

Each node has one replica of samples/serve/ray_serve.py, which holds all models, so that real-time and best-effort ones
share the node's device. This program starts both nodes on this machine. Two machines need `ray start --head` on the first,
`ray start --address=FIRST:6379` on the second, and `serve run ray_serve:app nodes=2 small=... large=...` on either.

It sends requests for both models, takes a node away, and counts. Ray repeats what a lost replica had not answered, if the
caller asks for it again: the loop in `ask` does, as any client should.

Tried with ray[serve] 2.60.0 on Python 3.11."""

import os
import sys
import threading
import time

sys.path.append(os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "serve"))

import erc  # noqa: E402
import numpy  # noqa: E402
import ray  # noqa: E402
from ray import serve  # noqa: E402
from ray.cluster_utils import Cluster  # noqa: E402
from ray_serve import app  # noqa: E402

SECONDS = 20


def inputs_of(path):
    with erc.Session(path) as session:
        numbers = numpy.random.default_rng(1)
        feeds = {info.name: numbers.random(info.shape).astype(info.dtype) for info in session.inputs}
        return feeds, session.run(feeds)


def ask(handle, model, feeds):
    """Returns the outputs, and how often it asked."""
    for tries in range(1, 6):
        try:
            return handle.run.remote(model, feeds).result(timeout_s=60), tries
        except (ray.exceptions.RayActorError, ray.exceptions.RayTaskError):
            if tries == 5:
                raise
            time.sleep(0.2)


def main():
    arguments = dict(argument.split("=", 1) for argument in sys.argv[1:])
    if not arguments:
        sys.exit(__doc__)
    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 2})
    second = cluster.add_node(num_cpus=2)
    path = os.pathsep.join(sys.path)
    ray.init(address=cluster.address, runtime_env={"env_vars": {"PYTHONPATH": path}}, log_to_driver=False)
    handle = serve.run(app({**arguments, "nodes": "2"}))
    counts = {model: {"right": 0, "wrong": 0, "failed": 0, "repeated": 0} for model in arguments}
    end = time.monotonic() + SECONDS

    def load(model):
        feeds, wanted = inputs_of(arguments[model])
        while time.monotonic() < end:
            try:
                found, tries = ask(handle, model, feeds)
                same = all(numpy.array_equal(found[name], wanted[name]) for name in wanted)
                counts[model]["right" if same else "wrong"] += 1
                counts[model]["repeated"] += tries - 1
            except Exception as error:  # whatever it is, the request failed
                counts[model]["failed"] += 1
                print(f"{model}: {error}", file=sys.stderr)

    threads = [threading.Thread(target=load, args=[model]) for model in arguments]
    for thread in threads:
        thread.start()
    time.sleep(SECONDS / 3)
    cluster.remove_node(second, allow_graceful=False)
    print("a node is gone")
    for thread in threads:
        thread.join()
    for model, count in counts.items():
        print(f"{model}: " + ", ".join(f"{number} {what}" for what, number in count.items()))
    serve.shutdown()
    ray.shutdown()
    cluster.shutdown()
    return any(count["wrong"] or count["failed"] or not count["right"] for count in counts.values())


if __name__ == "__main__":
    sys.exit(main())
