"""The command on the emulated device while it fails: every sticky error at every kind of call, memory that runs out, errors
that never end. The output is the undisturbed run's, or there is one clear error, soon."""
import argparse
import concurrent.futures
import json
import os
import shutil
import subprocess
import sys
import time

import cudasim_home

arguments = argparse.ArgumentParser()
for name in ("cudasim", "work", "command"):
    arguments.add_argument("--" + name, required=True)
options = arguments.parse_args()
home = cudasim_home.build(options.cudasim, options.work)
photos = os.path.join(os.environ["FOREBAY_SHARED_DIR"], "photos", "good")

STICKY = (226, 700, 702, 710, 714, 715, 716, 717, 718, 719, 721, 810, 911)
# Call, and the number of the call in one process: late enough that every owner finishes something before it fails.
AT = {"upload": "cudaMemcpyAsync:9", "launch": "launch*Finish*:4", "launch, found later": "launch*Finish*@async:4",
      "download": "cudaMemcpyAsync:8", "record": "cudaEventRecord:6", "query": "cudaEventQuery:7",
      "wait": "cudaEventSynchronize:3"}
DEFERRED = {"CUDASIM_ASYNC": "1"}  # else no event is ever waited for


def run(name, fault, device="cuda:0", extra=None):
    """Runs the command; gives exit code, error text, summary and the tensors' bytes."""
    out = os.path.join(options.work, name)
    command = [options.command, "run", photos, "--force", "--quiet", "--batch", "8", "--workers", "2", "--crop",
               "64", "--resize", "64", "--dtype", "u8", "--device", device, "--out", out]
    environment = dict(os.environ, LD_LIBRARY_PATH=os.path.join(home, "lib"), CUDASIM_FAULT=fault, **(extra or {}))
    begin = time.monotonic()
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, env=environment)
    seconds = time.monotonic() - begin
    assert os.path.exists(os.path.join(out, "summary.json")), done.stderr
    with open(os.path.join(out, "tensors.npy"), "rb") as file:
        tensors = file.read()
    with open(os.path.join(out, "items.jsonl"), "rb") as file:
        items = [dict(json.loads(line), attempts=0) for line in file]
    with open(os.path.join(out, "summary.json"), encoding="utf-8") as file:
        summary = json.load(file)
    shutil.rmtree(out)
    return done.returncode, done.stderr.strip(), summary, (tensors, items), seconds


expected = run("expected", "")
assert expected[0] == 0, expected[1]
assert expected[3] == run("cpu", "", "cpu")[3], "cuda and cpu differ undisturbed"


def same_bytes(name, fault, restarts_min):
    code, text, summary, output, seconds = run(name, fault, extra=DEFERRED if "Synchronize" in fault else None)
    assert code == 0, f"{fault}: exit {code}: {text}"
    assert output == expected[3], f"{fault}: other bytes"
    restarts = summary["owner"]["restarts"]
    assert restarts >= restarts_min, f"{fault}: {restarts} owners replaced: nothing was tested"
    return f"{fault}: same bytes, {restarts} owner(s) replaced, {seconds:.1f} s"


def clear_error(name, fault, word):
    code, text, summary, _, seconds = run(name, fault)
    last = text.splitlines()[-1]
    assert code == 3 and word in last, f"{fault}: exit {code}: {text}"
    assert summary["owner"]["restarts"] < 40, f"{fault}: {summary['owner']}"
    return f"{fault}: ends, {summary['owner']['restarts']} owner(s) replaced, {seconds:.1f} s: {last}"


jobs = []
for error in STICKY:
    for call in AT.values():
        jobs.append((same_bytes, f"{call}:{error}:sticky", 1))
    jobs.append((clear_error, f"cudaHostRegister:2:{error}:sticky", "could not get ready 3 times in a row"))
for fault in ("cudaMallocAsync:1:2", "cudaMallocAsync:3:2", "cudaMallocAsync:6:2"):
    jobs.append((same_bytes, fault, 0))
# Found later, at an event, it is of work that nobody can name: sticky. A new owner, that builds with care, needs fewer buffers.
jobs.append((same_bytes, "cudaMalloc*@async:9:2", 1))
for fault in ("cudaMallocAsync:1+:2", "cudaMallocAsync:4+:2"):
    jobs.append((clear_error, fault, "too little memory for a single row"))
jobs.append((clear_error, "cudaHostRegister:1:2", "could not get ready"))
for call in ("cudaMemcpyAsync:1+:700:sticky", "launch*Finish*:1+:719", "cudaEventRecord:1+:1", "cudaEventQuery:1+:999"):
    jobs.append((clear_error, call, "in a row without completing anything"))
jobs.append((same_bytes, "cudaMemcpyAsync:9:999", 1))  # an error that nobody knows is sticky
jobs.append((same_bytes, "cudaMemcpyAsync:9:1", 0))  # one that leaves the context alone

begin = time.monotonic()
with concurrent.futures.ThreadPoolExecutor(2) as pool:
    running = [pool.submit(check, f"job{number}", fault, wanted) for number, (check, fault, wanted) in enumerate(jobs)]
    for job in running:
        print(job.result(), flush=True)
print(f"{len(jobs)} faults in {time.monotonic() - begin:.0f} s")
sys.exit(0)
