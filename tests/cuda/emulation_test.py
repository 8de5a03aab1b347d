"""Runs the backend contract and the command on the emulated device, in the emulation's recommended modes, and holds its
report to numbers. An emulation: functional truth, no timing, no true races."""
import argparse
import json
import os
import subprocess
import sys

import cudasim_home

arguments = argparse.ArgumentParser()
for name in ("part", "cudasim", "work", "contract", "rdynamic", "command", "stage-sample", "stage-module"):
    arguments.add_argument("--" + name, required=True)
options = arguments.parse_args()
home = cudasim_home.build(options.cudasim, options.work)

MODES = {
    "plain": {},
    "asynchronous, page-locked only": {"CUDASIM_ASYNC": "1", "CUDASIM_PINNED_ONLY": "1"},
    "strict, other thread order": {"CUDASIM_STRICT": "1", "CUDASIM_ORDER": "3"},
}
SYNCHRONISING = {"cudaHostRegister", "cudaHostUnregister", "cudaMallocHost", "cudaFreeHost"}  # set-up and end only


def environment(extra):
    report = os.path.join(options.work, "report.json")
    if os.path.exists(report):
        os.remove(report)
    return dict(os.environ, LD_LIBRARY_PATH=os.path.join(home, "lib"), CUDASIM_REPORT=report, FOREBAY_TEST_CUDA="1", **extra)


def run(command, extra, expected=0):
    done = subprocess.run(command, capture_output=True, text=True, timeout=280, env=environment(extra))
    assert done.returncode == expected, f"{command} {extra}: exit {done.returncode}\n{done.stdout[-3000:]}{done.stderr[-2000:]}"
    return done


def reports():
    with open(os.path.join(options.work, "report.json"), encoding="utf-8") as file:
        return [json.loads(line) for line in file]


def hold_to_numbers(report, chunks=None):
    copies = report["copies"]
    assert copies["h2d_pageable"]["calls"] == 0 and copies["d2h_pageable"]["calls"] == 0, copies
    synchronising = report["synchronising"]
    assert synchronising["device"] == 0 and synchronising["stream"] == 0, synchronising
    assert set(synchronising["implicit"]) <= SYNCHRONISING, synchronising
    if chunks is not None:
        tables = 2  # one a lane
        assert copies["h2d_pinned"]["calls"] <= chunks + tables, (copies, chunks)


def contract():
    for binary in (options.contract, options.rdynamic):
        for name, extra in MODES.items():
            run([binary, "--gtest_filter=*/cuda"], extra)
            for report in reports():
                hold_to_numbers(report)
            print(f"{os.path.basename(binary)}: {name}: passed")
            if binary == options.rdynamic:
                break
    device = subprocess.run([options.stage_sample, os.path.join(os.environ["FOREBAY_SHARED_DIR"], "photos", "good"),
                             options.stage_module, "cuda"], capture_output=True, text=True, timeout=280, env=environment({}))
    assert device.returncode == 0, device.stdout + device.stderr
    print(device.stdout.strip())


def tensors(folder):
    with open(os.path.join(folder, "tensors.npy"), "rb") as file:
        return file.read()


def lines(folder):
    with open(os.path.join(folder, "items.jsonl"), "rb") as file:
        return file.read()


def resume_on_the_other_device(sources):
    base = [options.command, "run", *sources, "--quiet", "--shuffle", "--epochs", "2", "--seed", "4"]
    out = {name: os.path.join(options.work, name) for name in ("whole", "resumed")}
    run([*base, "--force", "--device", "cpu", "--out", out["whole"]], {})
    for first, then in (("cpu", "cuda:0"), ("cuda:0", "cpu")):
        run([*base, "--force", "--device", first, "--limit", "90", "--batch", "16", "--out", out["resumed"]], {})
        run([*base, "--resume", "--device", then, "--batch", "7", "--out", out["resumed"]], {})
        with open(os.path.join(out["resumed"], "summary.json"), encoding="utf-8") as file:
            summary = json.load(file)
        assert summary["resumed_at"] == 90 and summary["options"]["device"] == then, summary
        assert tensors(out["resumed"]) == tensors(out["whole"]), f"bits differ: {first}, then {then}"
        assert lines(out["resumed"]) == lines(out["whole"]), f"lines differ: {first}, then {then}"
        print(f"begun on {first}, resumed on {then}: same bits")


def run_command():
    photos = os.path.join(os.environ["FOREBAY_SHARED_DIR"], "photos")
    sources = [os.path.join(photos, "good"), os.path.join(photos, "odd")]
    out = {device: os.path.join(options.work, device.replace(":", "")) for device in ("cpu", "cuda:0")}
    for placement in ("owner", "worker"):
        for variant in (["--dtype", "f16", "--layout", "nhwc"], []):
            base = [options.command, "run", *sources, "--force", "--quiet", "--batch", "16", "--placement", placement, *variant]
            run([*base, "--device", "cpu", "--out", out["cpu"]], {})
            for name, extra in MODES.items():
                run([*base, "--device", "cuda:0", "--out", out["cuda:0"]], extra)
                assert tensors(out["cpu"]) == tensors(out["cuda:0"]), f"bits differ: {placement} {variant} {name}"
                (report,) = [r for r in reports() if r["copies"]["h2d_pinned"]["calls"] > 0]
                hold_to_numbers(report, chunks=121)
            print(f"{placement} {variant}: cuda equals cpu, bit for bit, in {len(MODES)} modes")
    base = [options.command, "run", *sources, "--force", "--quiet", "--batch", "16", "--device", "cuda:0", "--out", out["cuda:0"]]
    run([options.command, "run", *sources, "--force", "--quiet", "--batch", "16", "--device", "cpu", "--out", out["cpu"]], {})
    # Each owner process meets the fault at its fifth copy, having finished some work: a new owner goes on.
    for fault in ("cudaMemcpyAsync:12:700:sticky", "launch*Finish*@async:9:700", "cudaEventQuery:9:719:sticky"):
        run(base, {"CUDASIM_FAULT": fault})
        assert tensors(out["cpu"]) == tensors(out["cuda:0"]), f"bits differ after {fault}"
        with open(os.path.join(out["cuda:0"], "summary.json"), encoding="utf-8") as file:
            restarts = json.load(file)["owner"]["restarts"]
        assert restarts > 0, f"{fault}: no owner was restarted, so nothing was tested"
        print(f"{fault}: {restarts} owner(s) replaced, same bits")
    resume_on_the_other_device(sources)
    # A fault that no owner survives is an error with words, not a loop.
    failed = run(base, {"CUDASIM_FAULT": "cudaMemcpyAsync:1+:700:sticky"}, expected=3)
    assert "in a row without completing anything" in failed.stderr, failed.stderr
    nothing = run(base, {"CUDASIM_DEVICES": "0"}, expected=3)
    assert "cuda:0" in nothing.stderr and len(nothing.stderr.strip().splitlines()) == 1, nothing.stderr
    print("hopeless device, no device: exit 3 with one clear line")


{"contract": contract, "run": run_command}[options.part]()
sys.exit(0)
