"""forebay doctor: a page on what this machine offers, the same as JSON, and no driver in this process."""

import fcntl
import json
import os
import signal

import forebay_command as fc


class Doctor(fc.CommandTest):
    def test_a_page_with_every_part(self):
        result = self.assert_done(fc.forebay("doctor"))
        self.assertEqual(result.stderr, "")
        lines = result.stdout.splitlines()
        self.assertLess(len(lines), 50, "a page")
        for name in ("cores", "memory", "/dev/shm", "memlock", "huge pages", "descriptors", "processes", "memfd", "pidfd",
                     "populate", "toolkit", "driver", "module", "devices", "run"):
            self.assertTrue(any(f" {name} " in line for line in lines), f"{name} in\n{result.stdout}")
        for line in lines[1:]:
            if line.startswith("  "):
                self.assertIn(line.split()[0], ("ok", "lacks", "note"))

    def test_json(self):
        result = self.assert_done(fc.forebay("doctor", "--json"))
        findings = json.loads(result.stdout)["findings"]
        self.assertGreater(len(findings), 12)
        for finding in findings:
            self.assertEqual(set(finding), {"section", "name", "state", "text"})
            self.assertIn(finding["state"], ("ok", "lacks", "note"))

    def test_a_closed_pipe_is_an_error_not_a_signal(self):
        reader, writer = os.pipe()
        os.close(reader)  # before the start: the page would fit into the pipe
        process = self.start("doctor", stdout=writer, stderr=fc.subprocess.PIPE, text=True)
        os.close(writer)
        _, stderr = process.communicate(timeout=fc.PATIENCE_S)
        self.assertEqual(process.returncode, 3)
        self.assertIn("write to stdout", stderr)

    def test_every_stop_signal_ends_it(self):
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            reader, writer = os.pipe()
            fcntl.fcntl(writer, fcntl.F_SETPIPE_SZ, 4096)
            os.write(writer, bytes(4096))  # full: the page will not get out
            process = self.start("doctor", stdout=writer)
            fc.wait_until(lambda: fc.is_waiting_to_write(process.pid), "it waits for its reader")
            process.send_signal(number)
            self.assertEqual(process.wait(timeout=fc.PATIENCE_S), -number)
            os.close(reader)
            os.close(writer)


if __name__ == "__main__":
    fc.main()
