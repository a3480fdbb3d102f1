import subprocess
import sys

import pytest


@pytest.mark.parametrize("module", ["detectors", "detectors.__main__", "detectors.boxes"])
def test_importing_loads_no_torch(module):
    code = f"import sys, {module}; sys.exit('torch' in sys.modules or 'safetensors' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
