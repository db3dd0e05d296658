"""Makes the files in this folder: ONNX Runtime runs Silero VAD on ten steps of a voice-like signal, and passes the
state from step to step. make.py silero_vad.onnx"""

import os
import sys

import numpy as np
import onnxruntime

STEPS, SAMPLES, RATE = 10, 576, 16000


def signal():
    rng, t = np.random.default_rng(5), np.arange(STEPS * SAMPLES) / RATE
    phase = 2 * np.pi * np.cumsum(120 + 20 * np.sin(2 * np.pi * 2 * t)) / RATE
    voice = sum(np.sin(k * phase) / k for k in range(1, 20)) * np.clip(np.sin(2 * np.pi * 1.7 * t), 0, 1)
    return (0.12 * voice + 0.003 * rng.standard_normal(t.size)).astype(np.float32).reshape(STEPS, 1, SAMPLES)


def main():
    session = onnxruntime.InferenceSession(sys.argv[1], providers=["CPUExecutionProvider"])
    frames, state, outputs = signal(), np.zeros((2, 1, 128), np.float32), []
    for frame in frames:
        output, state = session.run(None, {"input": frame, "state": state, "sr": np.array(RATE, np.int64)})
        outputs.append(output)
    folder = os.path.dirname(os.path.abspath(__file__))
    for name, array in (("frames", frames), ("outputs", np.array(outputs)), ("state", state)):
        np.save(os.path.join(folder, name + ".npy"), array)


if __name__ == "__main__":
    main()
