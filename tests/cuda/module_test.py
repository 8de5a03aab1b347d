"""What the CUDA module exports and links, and what ptxas made of its kernels."""
import argparse
import subprocess
import sys
import tempfile

arguments = argparse.ArgumentParser()
for name in ("module", "command", "nvcc", "source"):
    arguments.add_argument("--" + name, required=True)
options = arguments.parse_args()


def output_of(*command):
    return subprocess.run(command, check=True, capture_output=True, text=True, timeout=250)


exported = [line.split()[-1] for line in output_of("nm", "-D", "--defined-only", options.module).stdout.splitlines()]
assert exported == ["forebay_cuda_module"], f"the module exports {exported}"

for binary in (options.command, "/proc/self/exe"):
    if binary == options.command:
        needed = output_of("readelf", "-d", binary).stdout
        assert "libcuda" not in needed, "the command links a CUDA library"
assert "libcudart" in output_of("readelf", "-d", options.module).stdout, "the module does not link the shared runtime"

with tempfile.NamedTemporaryFile(suffix=".o") as out:
    ptxas = output_of(options.nvcc, "-std=c++20", "-arch=sm_90", "-I", options.source, "-Xptxas", "-v", "-c",
                      options.source + "/device/cuda/cuda_backend.cu", "-o", out.name).stderr
frames = [line for line in ptxas.splitlines() if "stack frame" in line]
assert len(frames) >= 2, f"ptxas said nothing of kernels: {ptxas}"
for line in frames:
    assert "0 bytes stack frame, 0 bytes spill stores, 0 bytes spill loads" in line, line
print(f"one exported function; {len(frames)} kernels without stack frame or spills")
sys.exit(0)
