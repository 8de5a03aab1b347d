"""Before anything is timed: do the contenders make the same pixels?

Usage: pixels.py FOREBAY PHOTOS WORK   Prints one line; exit 1 where a bit differs.
"""

import json
import pathlib
import subprocess
import sys

import numpy
from PIL import Image

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "images"))
from torch_loader import transform  # noqa: E402: the path above makes it known

COUNT = 64


def main() -> int:
    forebay, photos, work = sys.argv[1], sys.argv[2], pathlib.Path(sys.argv[3])
    subprocess.run([forebay, "run", photos, "--out", str(work), "--force", "--quiet", "--limit", str(COUNT)],
                   check=True)
    ours = numpy.load(work / "tensors.npy", mmap_mode="r")
    with (work / "items.jsonl").open(encoding="utf-8") as lines:
        items = [json.loads(line) for line in lines]
    apply = transform()
    different = 0
    for item in items:
        with Image.open(item["path"]) as picture:
            theirs = apply(picture.convert("RGB")).numpy()
        different += int((theirs.view(numpy.uint32) != ours[item["row"]].view(numpy.uint32)).sum())
    print(f"pixels: {len(items)} photos, f32, {different} of {ours.size:,} values differ from torchvision's")
    return 1 if different or len(items) != COUNT else 0


if __name__ == "__main__":
    sys.exit(main())
