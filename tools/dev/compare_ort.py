"""Runs a model with erc and with ONNX Runtime (one thread, its own optimisations) on random inputs and
prints the relative L2 error of each output; started by tools/dev/compare_ort.sh. Exit code 1 above the limit."""

import argparse
import os
import subprocess
import sys

import numpy as np
import onnxruntime


def inputs_of(session, seed, shapes, constants, image):
    """Token numbers below 1,000; masks have zeros at their ends; floats are normal, or a part of the image."""
    rng, feeds = np.random.default_rng(seed), {}
    for item in session.get_inputs():
        shape = shapes.get(item.name) or [d if isinstance(d, int) else 1 for d in item.shape]
        if item.name in constants:
            feeds[item.name] = np.asarray(constants[item.name], np.int64)
        elif image is not None:
            repeats = [-(-d // i) for d, i in zip(shape, image.shape)]
            feeds[item.name] = np.tile(image, repeats)[tuple(slice(d) for d in shape)].copy()
        elif "int64" not in item.type:
            feeds[item.name] = rng.standard_normal(shape).astype(np.float32)
        elif "mask" in item.name:
            feeds[item.name] = np.broadcast_to(np.arange(shape[-1]) < max(shape[-1] - 9, 1), shape).astype(np.int64)
        else:
            feeds[item.name] = rng.integers(0, 2 if "type" in item.name else 1000, shape).astype(np.int64)
    return feeds


def main():
    parser = argparse.ArgumentParser()
    for name in ("erc", "model", "artifact", "work"):
        parser.add_argument("--" + name, required=True)
    parser.add_argument("--limit", type=float, default=1e-5)
    parser.add_argument("--shape", action="append", default=[], metavar="INPUT:AxB", help="as for erc compile")
    parser.add_argument("--const", action="append", default=[], metavar="INPUT=N", help="as for erc compile")
    parser.add_argument("--image", help="a .npy: inputs are cut out of it")
    arguments = parser.parse_args()
    image = np.load(arguments.image) if arguments.image else None
    shapes = {text.rsplit(":", 1)[0]: [int(d) for d in text.rsplit(":", 1)[1].split("x")] for text in arguments.shape}
    constants = {text.split("=")[0]: int(text.split("=")[1]) for text in arguments.const}
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(arguments.model, options, providers=["CPUExecutionProvider"])
    feeds = inputs_of(session, 1, shapes, constants, image)
    command, files = [arguments.erc, "run", arguments.artifact, "--quiet"], []
    for name, array in feeds.items():
        if name in constants:
            continue
        path = os.path.join(arguments.work, f"{name}.npy")
        np.save(path, array)
        command += ["--input", f"{name}=@{path}"]
    for item in session.get_outputs():
        files.append(os.path.join(arguments.work, f"{item.name}.out.npy"))
        command += ["--output", f"{item.name}=@{files[-1]}"]
    subprocess.run(command, check=True)
    worst = 0.0
    for item, path, want in zip(session.get_outputs(), files, session.run(None, feeds)):
        have = np.load(path)
        if have.shape != want.shape:
            sys.exit(f"{item.name}: shape {have.shape}, expected {want.shape}")
        want = want.astype(np.float64)
        error = float(np.linalg.norm(have - want) / np.linalg.norm(want))
        worst = error if not error <= worst else worst
        print(f"  {os.path.basename(arguments.model):24s} {item.name:20s} {str(want.shape):18s} relative L2 {error:.2e}, deviation of values {want.std():.3g}")
    return 0 if worst <= arguments.limit else 1


if __name__ == "__main__":
    sys.exit(main())
