"""What is an error and what is not, against Pillow: damaged and odd PNG files, EXIF blocks of every kind, CMYK.
Usage: verdicts_against_pillow.py BRIDGE.so"""
import collections
import io
import random
import struct
import sys
import warnings
import zlib

try:
    import numpy as np
    from PIL import Image, ImageOps
except ImportError as error:
    print(f"SKIPPED: {error}; install python3-pil and python3-numpy")
    sys.exit(77)

from bridge import decode, probe

warnings.simplefilter("ignore")
randomly = random.Random(20261126)
noise = np.random.default_rng(20261126)
differences = collections.Counter()
verdicts = collections.Counter()

# Pillow loads these, Forebay does not: docs/architecture.md, "Deviations".
DOCUMENTED = ("truncated:", "corrupt: the first frame does not fill the picture",
              "corrupt: a frame's pixels come before the picture's")


def compare(name, data, part=False):
    """The same verdict, and the same pixels; `part`: where only a part of the picture is needed."""
    try:
        image = Image.open(io.BytesIO(data))
        image.load()
        expected = np.asarray(ImageOps.exif_transpose(image).convert("RGB"))
    except Exception as error:
        expected, why = None, f"{type(error).__name__}: {error}"[:90]
    code, width, height, message = probe(data)
    if code == 0 and expected is not None and (height, width) != expected.shape[:2]:
        differences[name, "another size"] += 1
        return
    if code == 0:
        box = (0, 0, width, max(1, height // 2)) if part else (0, 0, width, height)
        code, pixels, message = decode(data, box, 0)
        if code == 0 and expected is not None and not np.array_equal(pixels, expected[:box[3]]):
            differences[name, "other pixels"] += 1
    if code == 0 and expected is None:
        differences[name, "loaded, but Pillow: " + why] += 1
    if code != 0 and expected is not None and not message.startswith(DOCUMENTED):
        differences[name, message + ", but Pillow loads it"] += 1
    verdicts["loads" if code == 0 else "error"] += 1


def pick(*choices):
    return randomly.choice(choices)


def some_bytes(count):
    return bytes(randomly.randrange(256) for _ in range(count))


def chunk(kind, contents, damaged=False):
    checksum = zlib.crc32(kind + contents) ^ (1 if damaged else 0)
    return struct.pack(">I", len(contents)) + kind + contents + struct.pack(">I", checksum)


def tiff(order, entries, beyond=0, tail=b""):
    head = (b"II*\0" if order == "<" else b"MM\0*") + struct.pack(order + "I", 8)
    body = b"".join(struct.pack(order + "HHI", tag, kind, count) + value for tag, kind, count, value in entries)
    return head + struct.pack(order + "H", len(entries) + beyond) + body + tail


def some_tiff():
    order = pick("<", ">")
    entries = []
    for _ in range(randomly.randrange(4)):
        number = randomly.randrange(10)
        value = pick(struct.pack(order + "HH", number, 0), struct.pack(order + "I", number), struct.pack(order + "I", 46))
        other = randomly.random() < 0.3  # of a plain type: Pillow must be able to write it back
        kind = 3 if other else randomly.randrange(18)
        entries.append((0xEEEE if other else 0x112, kind, pick(0, 1, 1, 1, 2, 3, 100), value))
    block = tiff(order, entries, pick(0, 0, 1), pick(b"", bytes(4), struct.pack(order + "IIII", 6, 1, 3, 2)))
    block = pick(b"", b"", b"", b"Exif\0\0") + pick(block, block, block, b"MM*\0" + block[4:], b"II+\0" + block[4:], b"zz" + block)
    return block[:pick(len(block), len(block), randomly.randrange(len(block) + 1))]


MODES = [(0, 1), (0, 2), (0, 4), (0, 8), (0, 16), (2, 8), (2, 16), (3, 1), (3, 2), (3, 4), (3, 8), (4, 8), (4, 16), (6, 8), (6, 16)]
CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
PASSES = [(0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2)]
TEXT_HEADS = (b"", b"\0", b"\1", b"\0\0", b"\1\0", b"\1\0\0\0", b"\0\0l\0t\0")
TEXTS = [b"", b"garbage", zlib.compress(b"abc" * 9), zlib.compress(bytes(1 << 20)), zlib.compress(bytes((1 << 20) + 1)),
         zlib.compress(bytes(3 << 20)), zlib.compress(b"x" * 50)[:-3]]


class Png:
    """A small picture of random kind, with rows of every filter."""

    def __init__(self):
        self.colour, self.depth = pick(*MODES)
        self.width, self.height, self.interlaced = randomly.randint(1, 40), randomly.randint(1, 40), pick(0, 0, 1)
        self.bits = self.depth * CHANNELS[self.colour]
        self.rows = b""
        for x, y, dx, dy in PASSES if self.interlaced else [(0, 0, 1, 1)]:
            if x < self.width:
                row_bytes = ((self.width - x + dx - 1) // dx * self.bits + 7) // 8
                for _ in range(y, self.height, dy):
                    self.rows += bytes([randomly.randrange(5)]) + some_bytes(row_bytes)

    def header(self, tail=b""):
        return struct.pack(">IIBBBBB", self.width, self.height, self.depth, self.colour, 0, 0, self.interlaced) + tail

    def stream(self):
        stream, kind = zlib.compress(self.rows, pick(0, 1, 9)), randomly.randrange(20)
        if kind == 0:
            return stream[:-randomly.randint(1, 8)]
        if kind == 1:
            return stream + some_bytes(5)
        if kind == 2:
            return stream[:-4] + some_bytes(4)
        if kind == 3:
            at = randomly.randrange(len(self.rows))
            return zlib.compress(self.rows[:at] + some_bytes(1) + self.rows[at + 1:])
        if kind == 4:
            return zlib.compress(self.rows + some_bytes(50))
        if kind == 5:
            return zlib.compress(self.rows[:-randomly.randint(1, len(self.rows))])
        if kind == 6:
            damaged = bytearray(stream)
            damaged[randomly.randrange(len(damaged))] ^= 1 << randomly.randrange(8)
            return bytes(damaged)
        return stream

    def some_chunk(self):
        kind = pick(b"gAMA", b"cHRM", b"sRGB", b"pHYs", b"tEXt", b"zTXt", b"iTXt", b"iCCP", b"eXIf", b"acTL", b"fcTL", b"fdAT",
                    b"tRNS", b"PLTE", b"IHDR", b"abcd", b"ABCD", b"ab\0d", b"bKGD")
        contents = some_bytes(pick(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 12, 13, 26, 32, 33, 60))
        usual = randomly.random() < 0.7
        if kind in (b"tEXt", b"zTXt", b"iTXt", b"iCCP"):
            contents = pick(b"", b"k") + pick(b"", b"\0") + pick(*TEXT_HEADS) + pick(*TEXTS)
        elif kind == b"eXIf":
            contents = some_tiff()
        elif kind == b"fcTL" and usual:
            contents = struct.pack(">IIIIIHHBB", pick(0, 0, 1, 2), pick(1, self.width, self.width, self.width + 1),
                                   pick(1, self.height, self.height), 0, 0, 1, 1, 0, 0)
        elif kind == b"acTL" and usual:
            contents = struct.pack(">II", pick(0, 1, 2, 3), 0)
        elif kind == b"fdAT" and usual:
            contents = struct.pack(">I", pick(0, 1, 2)) + some_bytes(9)
        elif kind == b"PLTE" and usual:
            contents = some_bytes(pick(3, 6, 300, 768, 769, 770, 771, 774))
        elif kind == b"IHDR" and usual:
            contents = self.header(pick(b"", b"xx"))
        return chunk(kind, contents, randomly.random() < 0.03)

    def file(self):
        stream = self.stream()
        out = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", self.header())
        if self.colour == 3 and randomly.random() < 0.9:
            out += chunk(b"PLTE", some_bytes(3 * pick(1, 2, 16, 256)))
        out += b"".join(self.some_chunk() for _ in range(pick(0, 0, 1, 1, 2)))
        step = pick(1, 7, len(stream), len(stream), max(1, len(stream) - randomly.randint(0, 6)))
        for at in range(0, len(stream), step):
            out += chunk(b"IDAT", stream[at:at + step], randomly.random() < 0.02)
        out += b"".join(self.some_chunk() for _ in range(pick(0, 0, 1, 1, 2)))
        return out + chunk(b"IEND", b"")


def encoded(image, kind, **options):
    out = io.BytesIO()
    image.save(out, kind, **options)
    return out.getvalue()


for _ in range(4000):
    compare("odd png", Png().file(), part=randomly.random() < 0.3)

# One flipped bit anywhere in a real picture, of which only the upper half is needed.
photo = Image.fromarray(noise.integers(0, 256, (40, 50, 3), dtype=np.uint8)).resize((300, 240), Image.BICUBIC)
whole = encoded(photo, "PNG")
for _ in range(300):
    flipped = bytearray(whole)
    flipped[randomly.randrange(8, len(flipped) - 12)] ^= 1 << randomly.randrange(8)
    compare("flipped bit", bytes(flipped), part=True)

small = photo.resize((30, 20))
jpeg, webp = encoded(small, "JPEG"), encoded(small, "WEBP")
with_density = encoded(small, "JPEG", dpi=(72, 72))
assert webp[12:16] == b"VP8 "
for _ in range(1500):
    block = some_tiff()
    app1 = pick(b"Exif\0\0", b"Exif\0\0", b"Exif\0x", b"Exif") + block
    for base in (jpeg, with_density):
        after_jfif = 4 + struct.unpack(">H", base[4:6])[0]
        compare("jpeg exif", base[:after_jfif] + b"\xff\xe1" + struct.pack(">H", len(app1) + 2) + app1 + base[after_jfif:])
    if block:  # a WebP chunk is padded to even length
        head = struct.pack("<I", 8)[:4] + struct.pack("<I", 29)[:3] + struct.pack("<I", 19)[:3]
        chunks = b"VP8X" + struct.pack("<I", 10) + head + webp[12:]
        chunks += b"EXIF" + struct.pack("<I", len(block)) + block + bytes(len(block) % 2)
        compare("webp exif", b"RIFF" + struct.pack("<I", len(chunks) + 4) + b"WEBP" + chunks)

# CMYK is inverted whether or not an Adobe marker says so.
cmyk = encoded(photo.convert("CMYK"), "JPEG")
adobe = cmyk.find(b"\xff\xee")
assert adobe > 0
without_marker = cmyk[:adobe] + cmyk[adobe + 2 + struct.unpack(">H", cmyk[adobe + 2:adobe + 4])[0]:]
compare("cmyk", cmyk)
compare("cmyk without an Adobe marker", without_marker)

print(dict(verdicts), f"{sum(differences.values())} differ")
for (name, what), count in differences.most_common(20):
    print(f"  {count} x {name}: {what}")
sys.exit(1 if differences or verdicts["loads"] < 1000 or verdicts["error"] < 1000 else 0)
