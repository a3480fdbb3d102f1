"""PyTorch takes over a second to load: what does without it must not load it."""

import subprocess
import sys
from pathlib import Path

import pytest


def loads(code: str, *modules: str) -> bool:
    """Run code in a new interpreter: does it load any of the modules?"""
    code += f"\nimport sys; sys.exit(any(name in sys.modules for name in {modules}))"
    return bool(subprocess.run([sys.executable, "-c", code], check=False).returncode)


@pytest.mark.parametrize("module", ["detectors", "detectors.__main__", "detectors.boxes"])
def test_importing_loads_no_runtime(module):
    assert not loads(f"import {module}", "torch", "openvino", "safetensors")


def test_openvino_does_without_torch(random_weights: dict[str, Path]):
    code = f"""
import numpy, detectors
detector = detectors.load({str(random_weights["pytorch"])!r}, device="cpu", threshold=0.3)
(faces,) = detector([numpy.zeros((64, 64, 3), numpy.uint8)])
assert len(faces) and detector.runtime.startswith("OpenVINO"), faces
"""
    assert not loads(code, "torch")
    assert loads(code, "openvino")


def test_nothing_goes_over_the_network(random_weights: dict[str, Path]):
    """OpenVINO would report that it was imported; its reporter works in threads and processes."""
    code = f"""
import sys
def watch(event, args):
    if event in ("socket.connect", "socket.getaddrinfo", "subprocess.Popen", "os.fork"):
        sys.stderr.write(f"{{event}} {{args}}")
        import os; os._exit(9)
sys.addaudithook(watch)
import numpy, detectors
detector = detectors.load({str(random_weights["pytorch"])!r}, device="cpu")
detector([numpy.zeros((64, 64, 3), numpy.uint8)])
assert not sys.modules.get("openvino_telemetry")
"""
    subprocess.run([sys.executable, "-c", code], check=True)


def test_a_signal_does_no_harm_after_a_detector_is_gone(random_weights: dict[str, Path]):
    """OpenVINO lays a stack for handlers under its thread, and once took it away unseen."""
    code = f"""
import gc, os, signal, threading
import numpy, detectors
kept = [detectors.load({str(random_weights["pytorch"])!r}, device="cpu", threshold=0.3)]
kept[0]([numpy.zeros((64, 64, 3), numpy.uint8)])
thread = threading.Thread(target=lambda: (kept.clear(), gc.collect()))
thread.start()
thread.join()
signal.signal(signal.SIGUSR1, lambda *_: None)
os.kill(os.getpid(), signal.SIGUSR1)
"""
    assert not loads(code)
