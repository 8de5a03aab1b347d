"""A machine that is full: each want is one line before the run, which `forebay doctor run` foretells, or an orderly stop."""

import contextlib
import json
import os
import pathlib
import re
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time

import forebay_command as fc

NOBODY = 65534
MIB = 1 << 20
CGROUPS = pathlib.Path("/sys/fs/cgroup")


def limited(limits, cgroup=None):
    """To run in the child before it becomes the command: {resource: value}, and a cgroup to enter."""

    def apply():
        if cgroup:
            (cgroup / "cgroup.procs").write_text(str(os.getpid()))
        for which, value in limits.items():
            resource.setrlimit(which, (value, value))

    return apply


class FullMachine(fc.CommandTest):
    def command(self, words, limits=None, cgroup=None, **popen):
        return subprocess.run([fc.COMMAND, *map(str, words)], capture_output=True, text=True, timeout=fc.PATIENCE_S,
                              stdin=subprocess.DEVNULL, preexec_fn=limited(limits or {}, cgroup), **popen)

    def list_of(self, pictures, size=(40, 30)):
        picture = self.write_picture("one.jpg", size)
        path = self.folder / "list.txt"
        path.write_text(f"{picture}\n" * pictures)
        return f"@{path}"

    def foretold(self, *words, code=3, **limits):
        """Runs `doctor run` and then `run`: both end with this code, and the run says what doctor said lacks."""
        doctor = self.command(["doctor", "--json", "run", *words], **limits)
        self.assert_done(doctor, code)
        lacking = [f for f in json.loads(doctor.stdout)["findings"] if f["state"] == "lacks"]
        run = self.command(["run", *words], **limits)
        self.assert_done(run, code)
        self.assertEqual(len(lacking) > 0, code != 0, doctor.stdout)
        if code:
            free = r"leaves [\d.]+ MiB"  # is never the same twice
            self.assertIn(re.sub(free, "", lacking[0]["text"]), re.sub(free, "", run.stderr))
            self.assertEqual(len(run.stderr.splitlines()), 1, run.stderr)
        return run.stderr

    def need_of(self, name, *words):
        """What doctor says that this run needs of a resource, where nothing limits it."""
        doctor = json.loads(self.command(["doctor", "--json", "run", *words]).stdout)
        text = next(finding["text"] for finding in doctor["findings"] if finding["name"] == name)
        return float(re.search(r"needs ([\d.]+)", text).group(1))

    def small_disk(self, options):
        disk = self.folder / "disk"
        disk.mkdir()
        mount = subprocess.run(["mount", "-t", "tmpfs", "-o", options, "forebay-test", disk], capture_output=True)
        if mount.returncode != 0:
            self.skipTest("not allowed to mount a small tmpfs")
        self.addCleanup(subprocess.run, ["umount", "-l", disk], check=False)
        return disk

    def cgroup(self, controller, **files):
        """A cgroup of v1 for one test."""
        top = CGROUPS / controller
        own = re.search(rf"^\d+:{controller}:(/.*)$", pathlib.Path("/proc/self/cgroup").read_text(), re.MULTILINE)
        folder = top / (own.group(1).lstrip("/") if own else "") / f"forebay-full-{os.getpid()}"
        try:
            folder.mkdir()
            self.addCleanup(self.remove_cgroup, folder)
            for name, value in files.items():
                (folder / name.replace("__", ".")).write_text(str(value))
        except OSError as refused:
            self.skipTest(f"no cgroup of v1 for {controller} can be made here: {refused}")
        return folder

    @staticmethod
    def remove_cgroup(folder):
        deadline = time.monotonic() + fc.PATIENCE_S
        while folder.exists() and time.monotonic() < deadline:  # a zombie may be in it for a moment
            with contextlib.suppress(OSError):
                folder.rmdir()

    def as_nobody(self):
        """What makes the command run as a user that limits hold for, with a folder that it may read."""
        if os.getuid() != 0:
            self.skipTest("not root: cannot become another user")
        home = pathlib.Path(tempfile.mkdtemp(prefix="forebay-nobody-"))
        self.addCleanup(shutil.rmtree, home, ignore_errors=True)
        home.chmod(0o777)
        self.folder.chmod(0o755)
        who = {"user": NOBODY, "group": NOBODY, "extra_groups": []}
        try:
            subprocess.run([fc.COMMAND, "--version"], check=True, capture_output=True, timeout=fc.PATIENCE_S, **who)
        except (OSError, subprocess.SubprocessError) as refused:
            self.skipTest(f"another user cannot run {fc.COMMAND}: {refused}")
        return home, who


class Memory(FullMachine):
    def test_a_budget_makes_what_was_not_given_smaller(self):
        words = ["run", self.list_of(40), "--out", self.out, "--batch", "8", "--device", "cpu"]
        self.assert_done(self.command([*words, "--workers", "4", "--slots", "4"]))
        plain = fc.tensors_of(self.out).tobytes()
        megabytes = self.need_of("memory", *words[1:], "--force", "--workers", "4")
        smaller = self.assert_done(self.command([*words, "--force", "--workers", "4", "--memory-mb", int(megabytes) - 1]))
        self.assertRegex(smaller.stderr, r"4 workers with [23] slots each instead of 4 with 4: --memory-mb \d+ leaves")
        self.assertEqual(fc.tensors_of(self.out).tobytes(), plain)
        self.assertLess(fc.summary_of(self.out)["memory"]["slots_per_worker"], 4)

    def test_what_fits_in_no_shape_is_refused_with_flags_that_fit(self):
        words = [self.list_of(40), "--out", self.out, "--device", "cpu", "--workers", "3", "--memory-mb", "120"]
        said = self.foretold(*words)
        self.assertRegex(said, r"needs [\d.]+ MiB of memory \(.*\), but --memory-mb 120 leaves 120.0 MiB; use --")
        self.assertFalse(self.out.exists(), "nothing is left of a run that was not begun")
        flags = re.search(r"use ([^,]*),", said).group(1).split()
        self.foretold(*words[:-4], *["--workers", "3"] if "--workers" not in flags else [], *flags, *words[-2:], code=0)

    def test_a_cgroup_of_v1_is_met_before_its_oom_killer(self):
        # The same flags are named from 104 to 118 MiB: what the cgroup holds, which varies, is not to decide which.
        group = self.cgroup("memory", memory__limit_in_bytes=110 * MIB)
        words = [self.list_of(300), "--out", self.out, "--device", "cpu"]
        said = self.foretold(*words, "--workers", "2", cgroup=group)
        self.assertIn("cgroup v1 memory.limit_in_bytes of ", said)
        run = self.assert_done(self.command(["run", *words, "--batch", "8", "--quiet"], cgroup=group))
        self.assertEqual(run.stderr, "")
        self.assertEqual(fc.summary_of(self.out)["rows"], 300)
        self.assertIn("oom_kill 0", (group / "memory.oom_control").read_text())

    def test_address_space(self):
        words = [self.list_of(300), "--out", self.out, "--device", "cpu", "--workers", "2", "--quiet"]
        if self.command(["run", *words], {resource.RLIMIT_AS: 1 << 40}).returncode != 0:
            self.skipTest("a sanitizer needs more address space than is worth limiting")
        self.assertIn("RLIMIT_AS (ulimit -v) leaves", self.foretold(*words, "--force", limits={resource.RLIMIT_AS: 150 * MIB}))
        # The least that is admitted is enough.
        least = self.need_of("address space", *words, "--force", "--slots", "2")
        self.foretold(*words, "--force", "--slots", "2", code=0, limits={resource.RLIMIT_AS: int((least + 0.1) * MIB)})
        self.foretold(*words, "--force", "--slots", "2", limits={resource.RLIMIT_AS: int((least - 1) * MIB)})

    def test_nothing_is_locked_on_the_cpu(self):
        self.foretold(self.list_of(40), "--out", self.out, "--device", "cpu", "--quiet", code=0,
                      limits={resource.RLIMIT_MEMLOCK: 0})


class Processes(FullMachine):
    def test_descriptors(self):
        words = [self.list_of(40), "--sink", "none", "--device", "cpu", "--quiet", "--workers", "2"]
        codes = []
        for number in range(20, 32):
            limits = {resource.RLIMIT_NOFILE: number}
            codes.append(self.command(["doctor", "run", *words], limits).returncode)
            run = self.assert_done(self.command(["run", *words], limits), codes[-1])
            if codes[-1]:
                self.assertRegex(run.stderr, rf"needs 27 descriptors .* RLIMIT_NOFILE \(ulimit -Hn\) leaves {number}; .*raise")
        self.assertEqual(codes, sorted(codes, reverse=True))
        self.assertEqual(set(codes), {0, 3})

    def test_few_descriptors_mean_fewer_workers_where_these_were_not_given(self):
        soft = lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (10, 24))  # pylint: disable=unnecessary-lambda-assignment
        run = subprocess.run([fc.COMMAND, "run", self.list_of(40), "--sink", "none", "--device", "cpu"], preexec_fn=soft,
                             capture_output=True, text=True, timeout=fc.PATIENCE_S, check=False)
        self.assert_done(run)  # the soft limit was raised to the hard one
        if len(os.sched_getaffinity(0)) > 1:
            self.assertRegex(run.stderr, r"1 worker with 4 slots each instead of \d+ with 4: RLIMIT_NOFILE")

    def test_processes_of_a_user(self):
        _, who = self.as_nobody()
        words = [self.list_of(40), "--sink", "none", "--device", "cpu", "--quiet", "--workers", "2"]
        codes = []
        need = int(self.need_of("processes", *words))
        for number in (need - 4, need - 1, need, need + 1, need + 2):
            limits = {resource.RLIMIT_NPROC: number}
            doctor = self.command(["doctor", "run", *words], limits, **who)
            run = self.assert_done(self.command(["run", *words], limits, **who), doctor.returncode)
            codes.append(run.returncode)
            if run.returncode:
                self.assertRegex(run.stderr, r"needs \d+ processes .* RLIMIT_NPROC \(ulimit -u\) leaves \d+; .*raise the limit by")
        self.assertEqual(codes, sorted(codes, reverse=True))
        self.assertEqual(set(codes), {0, 3})

    def test_processes_of_a_cgroup(self):
        group = self.cgroup("pids", pids__max=9)
        words = [self.list_of(40), "--sink", "none", "--device", "cpu", "--quiet", "--workers", "4"]
        self.assertRegex(self.foretold(*words, cgroup=group), r"needs \d+ processes .* cgroup v1 pids.max of .* leaves 9")
        (group / "pids.max").write_text(str(int(self.need_of("processes", *words))))
        self.foretold(*words, cgroup=group, code=0)

    def test_a_fork_that_fails_leaves_nothing_half_started(self):
        _, who = self.as_nobody()
        words = [self.list_of(40), "--sink", "none", "--device", "cpu", "--quiet", "--workers", "3"]
        need = int(self.need_of("processes", *words))
        # Processes of the same user that cannot be seen from the run's namespace take what there is.
        others = [subprocess.Popen(["sleep", "60"], **who) for _ in range(need)]
        for other in others:
            self.addCleanup(other.wait)
            self.addCleanup(other.kill)
        inside = ["unshare", "--pid", "--fork", "--kill-child", "--mount-proc", "setpriv", "--reuid", str(NOBODY), "--regid",
                  str(NOBODY), "--clear-groups", "prlimit", f"--nproc={need + 4}", fc.COMMAND]
        if subprocess.run([*inside, "--version"], capture_output=True, timeout=fc.PATIENCE_S, check=False).returncode != 0:
            self.skipTest("no namespace of processes can be made here")
        run = subprocess.run([*inside, "run", *words], capture_output=True, text=True, timeout=fc.PATIENCE_S, check=False)
        self.assert_one_line(run, 3, "Resource temporarily unavailable", "ulimit -u")


class Disk(FullMachine):
    def check_kept(self, out, result):
        """What is left is valid and of one piece, and the message says how much that is."""
        kept = int(re.search(r"kept (\d+) rows", result.stderr).group(1))
        tensors = fc.tensors_of(out)
        self.assertEqual(len(tensors), kept)
        self.assertEqual(len(fc.items_of(out)), kept)
        self.assertTrue(kept == 0 or (tensors == tensors[0]).all(), "every row is whole")
        return kept

    def test_a_disk_without_room_for_a_row(self):
        disk = self.small_disk("size=256k")
        said = self.foretold(self.list_of(40), "--out", disk / "out", "--device", "cpu")
        self.assertRegex(said, r"needs 0.6 MiB of disk \(.*\), but the file system of .*/disk leaves 0.2 MiB; free some space or")
        self.assertFalse((disk / "out").exists())

    def test_a_disk_without_room_for_pictures_that_were_named(self):
        disk = self.small_disk("size=4m")
        pictures = [self.write_picture(f"{number}.jpg") for number in range(10)]
        words = ["--out", disk / "out", "--device", "cpu", "--batch", "2"]
        said = self.foretold(*pictures, *words)
        limit = re.search(r"--limit (\d+)", said).group(1)
        self.assertEqual(limit, "6")
        self.foretold(*pictures, *words, "--limit", limit, code=0)
        # What is overwritten counts as free.
        self.foretold(*pictures, *words, "--limit", limit, "--force", code=0)

    def test_a_disk_that_fills_up_is_foretold_and_stops_the_run_in_order(self):
        disk = self.small_disk("size=8m")
        words = [self.list_of(200), "--out", disk / "out", "--batch", "4", "--quiet", "--device", "cpu"]
        doctor = self.assert_done(self.command(["doctor", "run", *words]), 3)
        self.assertRegex(doctor.stdout, r"lacks +disk .*200 rows.*--limit 13; else the run stops there, and keeps what it has")
        run = self.assert_done(self.command(["run", *words]), 3)
        self.assertRegex(run.stderr, r"No space left on device; free some space")
        self.assertGreater(self.check_kept(disk / "out", run), 0)
        subprocess.run(["mount", "-o", "remount,size=200m", disk], check=True)
        self.assert_done(self.command(["run", *words, "--resume"]))
        tensors = fc.tensors_of(disk / "out")
        self.assertEqual(len(tensors), 200)
        self.assertTrue((tensors == tensors[0]).all())
        self.assertEqual([item["index"] for item in fc.items_of(disk / "out")], list(range(200)))

    def test_no_inodes(self):
        disk = self.small_disk("size=64m,nr_inodes=5")
        said = self.foretold(self.list_of(4), "--out", disk / "out", "--device", "cpu")
        self.assertRegex(said, r"needs 7 files .* leaves 4; remove some files or choose another --out")

    def test_files_that_may_not_grow(self):
        pictures = [self.write_picture(f"{number}.jpg") for number in range(10)]
        words = ["--out", self.out, "--device", "cpu", "--batch", "2", "--quiet"]
        limits = {resource.RLIMIT_FSIZE: 2 * MIB}
        self.assertRegex(self.foretold(*pictures, *words, limits=limits), r"RLIMIT_FSIZE \(ulimit -f\) leaves 2.0 MiB; raise")
        run = self.assert_done(self.command(["run", self.list_of(10), *words], limits), 3)
        self.assertRegex(run.stderr, r"write .*tensors.npy: File too large; raise the limit on the size of files \(ulimit -f\)")
        self.assertEqual(self.check_kept(self.out, run), 2)
        self.assert_done(self.command(["run", self.list_of(10), *words, "--resume"]))
        self.assertEqual(len(fc.tensors_of(self.out)), 10)

    def test_a_file_system_that_is_read_only(self):
        disk = self.small_disk("size=64m")
        (disk / "there").mkdir()
        subprocess.run(["mount", "-o", "remount,ro", disk], check=True)
        for out in (disk / "new", disk / "there"):
            said = self.foretold(self.list_of(4), "--out", out, "--device", "cpu")
            self.assertRegex(said, r"cannot write into .*: Read-only file system; choose another --out")

    def test_a_folder_without_permission(self):
        home, who = self.as_nobody()
        words = [self.list_of(4), "--device", "cpu", "--quiet"]
        closed = home / "closed"
        closed.mkdir(mode=0o755)
        for out in (closed, closed / "new"):
            said = self.foretold(*words, "--out", out, **who)
            self.assertRegex(said, r"cannot write into .*/closed: Permission denied; choose another --out")
        self.foretold(*words, "--out", home / "open", **who, code=0)


FILL = """
import pathlib, select, sys
group, spare, held = pathlib.Path(sys.argv[1]), int(sys.argv[2]), []

def left():
    stat = dict(line.split() for line in (group / "memory.stat").read_text().splitlines())
    used = int((group / "memory.usage_in_bytes").read_text()) - int(stat["total_inactive_file"])
    return int((group / "memory.limit_in_bytes").read_text()) - used

def fill():
    while left() > spare:
        held.append(b"x" * (1 << 19))

fill()
print("full", flush=True)
# File pages that were in use become free: it stays full.
while not select.select([sys.stdin], [], [], 0.05)[0]:
    fill()
"""


class Pressure(FullMachine):
    def test_fewer_slots_are_used_while_memory_is_short(self):
        # Short is less than 30 MiB, a twentieth. 20 are left, for a slow disk's dirty pages too.
        group = self.cgroup("memory", memory__limit_in_bytes=600 * MIB)
        said = self.folder / "said"
        with said.open("w") as stderr:
            run = self.start("run", self.long_list(), "--out", self.out, "--batch", "8", "--workers", "2", "--device", "cpu",
                             *fc.SMALL, stderr=stderr, stdout=subprocess.DEVNULL, preexec_fn=limited({}, group))
        fc.wait_until(lambda: fc.has_items(self.out), "the first rows")
        other = subprocess.Popen([sys.executable, "-c", FILL, group, str(20 * MIB)], stdin=subprocess.PIPE,
                                 stdout=subprocess.PIPE, preexec_fn=limited({}, group))
        self.addCleanup(other.communicate)
        self.addCleanup(other.kill)
        self.assertEqual(other.stdout.readline(), b"full\n")
        fc.wait_until(lambda: "memory is short" in said.read_text(), "it is said")
        before = len(fc.items_of_partial(self.out))
        fc.wait_until(lambda: len(fc.items_of_partial(self.out)) > before + 200, "the run goes on with fewer slots")
        other.kill()
        run.send_signal(signal.SIGINT)
        self.assertEqual(run.wait(timeout=fc.PATIENCE_S), 130, said.read_text())
        self.assertRegex(said.read_text(), r"memory is short: cgroup v1 .*/forebay-full-\d+ memory.limit_in_bytes leaves \d+ MiB of"
                                           r" 600 MiB; fewer than 4 slots of each worker are used until it is not")
        summary = fc.summary_of(self.out)
        self.assertLess(summary["memory"]["slots_least"], 4)
        self.assertGreater(summary["memory"]["short_s"], 0)
        tensors = fc.tensors_of(self.out)
        self.assertEqual(len(tensors), summary["rows"])
        self.assertTrue((tensors == tensors[0]).all(), "the bits do not depend on it")
        self.assertEqual(sum(worker["restarts"] for worker in summary["workers"]), 0, "nobody met the OOM killer")


class Foretelling(FullMachine):
    def test_a_page_with_every_resource(self):
        result = self.assert_done(self.command(["doctor", "run", self.list_of(40), "--out", self.out, "--device", "cpu"]))
        for name in ("sources", "device", "shape", "memory", "descriptors", "processes", "address space", "shared memory",
                     "memlock", "disk", "files", "file size"):
            self.assertRegex(result.stdout, rf"(?m)^  (ok|note) +{name} ")
        self.assertIn("40 pictures, 40 of this run", result.stdout)
        self.assertFalse(self.out.exists(), "it writes nothing")

    def test_what_the_run_refuses_as_usage_doctor_does_too(self):
        picture = self.write_picture("a.jpg")
        self.assert_done(self.command(["run", picture, "--out", self.out, "--quiet"]))
        texts = self.folder / "texts"
        texts.mkdir()
        (texts / "a.txt").write_text("no picture")
        for words in ([texts, "--sink", "none"], ["nowhere", "--sink", "none"], [picture, "--out", self.out], [picture],
                      [picture, "--out", picture], [self.list_of(0), "--sink", "none"],
                      [picture, "--sink", "none", "--slot-mb", "0.01"]):
            run = self.assert_done(self.command(["run", *words, "--quiet"]), 2)
            doctor = self.assert_done(self.command(["doctor", "run", *words]), 2)
            self.assertEqual(doctor.stderr, run.stderr)

    def test_epochs_and_shards_count(self):
        words = ["doctor", "run", self.list_of(40), "--out", self.out, "--device", "cpu", "--epochs", "3"]
        self.assertIn("40 pictures, 120 of this run", self.assert_done(self.command(words)).stdout)
        half = self.assert_done(self.command([*words, "--shard", "0/2", "--limit", "50"])).stdout
        self.assertIn("40 pictures, 50 of this run", half)
        self.assertRegex(half, r"disk +needs 28.7 MiB \(50 rows of 602112 bytes")

    def test_a_pipe_is_left_alone(self):
        pipe = self.folder / "pipe"
        os.mkfifo(pipe)
        result = self.assert_done(self.command(["doctor", "run", f"@{pipe}", "--sink", "none", "--device", "cpu"]))
        self.assertIn("not counted: a list from a pipe is read only once", result.stdout)


if __name__ == "__main__":
    fc.main()
