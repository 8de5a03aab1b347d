"""What tests that compare a run's files with an undisturbed run's share: pictures, some of them bad, such a run, and the
comparison; and the frames of commit.log."""

import pathlib
import shutil
import tempfile
import zlib

import forebay_command as fc
import PIL.Image

COUNT = 60
BAD = (3, 17, 41)


def make_pictures(folder):
    folder.mkdir()
    for number in range(COUNT):
        picture = PIL.Image.effect_noise((70, 60), 40 + number).convert("RGB")
        picture.save(folder / f"{number:02}.png")
        if number in BAD:
            (folder / f"{number:02}.png").write_bytes((folder / f"{number:02}.png").read_bytes()[:200])
    return folder


def without_attempts(items):
    return [{key: value for key, value in item.items() if key != "attempts"} for item in items]


def by_item(folder):
    """Each item's line and its row's bytes; the rows may have any order."""
    tensors = fc.tensors_of(folder)
    items = without_attempts(fc.items_of(folder))
    rows = [item["row"] for item in items if item["row"] is not None]
    assert sorted(rows) == list(range(len(tensors))), "a row for each"
    return [({**item, "row": None}, item["row"] is not None and tensors[item["row"]].tobytes()) for item in items]


def difference(calm, folder, completion):
    """What is not as in an undisturbed run's folder; nothing if all is."""
    if completion:
        return "" if by_item(calm) == by_item(folder) else "other items"
    for name in ("tensors.npy", "contact_sheet.png"):
        if (calm / name).read_bytes() != (folder / name).read_bytes():
            return f"other bytes in {name}"
    same = without_attempts(fc.items_of(calm)) == without_attempts(fc.items_of(folder))
    return "" if same else "other lines in items.jsonl"


class ComparedRuns(fc.CommandTest):
    """Has the pictures, and the folder `calm` of an undisturbed run over them."""

    @classmethod
    def setUpClass(cls):
        cls.shared = pathlib.Path(tempfile.mkdtemp(prefix="forebay-test-"))
        cls.addClassCleanup(shutil.rmtree, cls.shared, ignore_errors=True)
        cls.pictures = make_pictures(cls.shared / "pictures")
        cls.calm = cls.shared / "calm"
        result = fc.forebay("run", cls.pictures, "--out", cls.calm, *fc.SMALL)
        assert result.returncode == 0, result.stderr


def frames_of(log):
    """Where each good frame of commit.log begins, the manifest's first."""
    begins = []
    at = 8
    while log[at: at + 4] == b"\xfeFB1":
        begins.append(at)
        at += 20 + int.from_bytes(log[at + 4: at + 8], "little")
    return begins


def with_checksums(log):
    """The same payloads with the CRCs that they need."""
    out = bytearray(log[:8])
    log_id = 0
    for at in frames_of(log):
        length = int.from_bytes(log[at + 4: at + 8], "little")
        payload = log[at + 8: at + 8 + length]
        place = b"".join(number.to_bytes(8, "little") for number in (at, length, log_id))
        out += log[at: at + 8] + payload + zlib.crc32(payload, zlib.crc32(place)).to_bytes(4, "little")
        out += length.to_bytes(4, "little") + b"\xfeft1"
        if log_id == 0:
            log_id = zlib.crc32(payload, 1)
    return bytes(out)
