"""The CUDA emulation, built where the tests of this folder work."""
import os
import subprocess


def build(cudasim, work):
    """Builds it below `work` (a second time in no time) and returns where it lies."""
    os.makedirs(work, exist_ok=True)
    home = os.path.join(work, "cudasim")
    built = subprocess.run([os.path.join(cudasim, "build.sh"), home], capture_output=True, text=True, timeout=300)
    assert built.returncode == 0, built.stdout + built.stderr
    return home
