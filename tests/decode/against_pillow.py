"""Compares the decoders with Pillow, bit for bit, on real, odd, broken and generated pictures and on random regions.
Usage: against_pillow.py BRIDGE.so (environment FOREBAY_SHARED_DIR: the folder with photos/)"""
import glob
import io
import os
import random
import sys
import warnings

try:
    import numpy as np
    from PIL import Image, ImageOps
except ImportError as error:
    print(f"SKIPPED: {error}; install python3-pil and python3-numpy")
    sys.exit(77)

from bridge import decode, probe

warnings.simplefilter("ignore")
photos = os.path.join(os.environ.get("FOREBAY_SHARED_DIR", "../shared"), "photos")
randomly = random.Random(20261124)
noise = np.random.default_rng(20261124)
failures = []
compared = 0


def pillow(data):
    return np.asarray(ImageOps.exif_transpose(Image.open(io.BytesIO(data))).convert("RGB"))


def check(name, data, regions):
    global compared
    expected = pillow(data)
    code, width, height, message = probe(data)
    if code or (height, width) != expected.shape[:2]:
        failures.append((name, "probe", message))
        return
    boxes = [(0, 0, width, height)]
    for _ in range(regions):
        x, y = randomly.randrange(width), randomly.randrange(height)
        boxes.append((x, y, randomly.randint(1, width - x), randomly.randint(1, height - y)))
    for number, box in enumerate(boxes):
        for whole in (0, 1) if number == 0 else (0,):
            code, out, message = decode(data, box, whole)
            compared += 1
            x, y, w, h = box
            if code or not np.array_equal(out, expected[y:y + h, x:x + w]):
                failures.append((name, box, whole, message))


def expect_code(name, data, wanted):
    global compared
    code, width, height, message = probe(data)
    if code == 0:
        for whole in (0, 1):
            code, _, message = decode(data, (0, 0, width, height), whole)
            compared += 1
            if not message.startswith(wanted + ":"):
                failures.append((name, whole, message or "decoded", wanted))
    elif not message.startswith(wanted + ":"):
        failures.append((name, message, wanted))


def read(path):
    with open(path, "rb") as file:
        return file.read()


def encoded(image, kind, **options):
    out = io.BytesIO()
    image.save(out, kind, **options)
    return out.getvalue()


def generated():
    for number in range(240):
        width, height = randomly.randint(1, 90), randomly.randint(1, 90)
        side = 4 if number % 2 else max(width, height)
        image = Image.fromarray(noise.integers(0, 256, (side, side, 4), dtype=np.uint8), "RGBA")
        image = image.resize((width, height), Image.BICUBIC)
        rgb, progressive, kind = image.convert("RGB"), randomly.random() < 0.5, number % 12
        quality = randomly.randint(5, 100)
        if kind == 0:
            yield "jpeg", encoded(rgb, "JPEG", quality=quality, subsampling=randomly.choice([0, 1, 2]), progressive=progressive)
        elif kind == 1:
            yield "grey jpeg", encoded(image.convert("L"), "JPEG", progressive=progressive)
        elif kind == 2:
            yield "cmyk jpeg", encoded(image.convert("CMYK"), "JPEG", progressive=progressive)
        elif kind == 3:
            yield "rgba png", encoded(image, "PNG")
        elif kind == 4:
            yield "palette png", encoded(rgb.quantize(randomly.choice([2, 4, 16, 200])), "PNG")
        elif kind == 5:
            yield "bilevel png", encoded(image.convert("1"), "PNG")
        elif kind == 6:
            yield "grey alpha png", encoded(image.convert("LA"), "PNG")
        elif kind == 7:
            yield "webp with alpha", encoded(image, "WEBP", quality=quality, lossless=randomly.random() < 0.3)
        elif kind == 8:
            yield "webp", encoded(rgb, "WEBP", quality=quality)
        elif kind == 9:
            exif = Image.Exif()
            exif[0x0112] = randomly.randint(1, 8)
            target = randomly.choice(["JPEG", "PNG", "WEBP"])
            yield f"oriented {target}", encoded(rgb, target, exif=exif)
        elif kind == 10:
            yield "rgb png", encoded(rgb, "PNG")
        else:
            values = noise.integers(0, 65536, (height, width)).astype(np.uint16)
            yield "16-bit grey png", encoded(Image.fromarray(values), "PNG")


expected_codes = {"bad_crc.png": "corrupt", "claims_65500x65500.jpg": "too_large", "empty.jpg": "empty_file",
                  "header_only.jpg": "truncated", "text.jpg": "not_an_image", "truncated.png": "truncated",
                  "truncated_half.jpg": "truncated", "zip_bomb_header.png": "too_large"}
if os.path.isdir(photos):
    for path in sorted(glob.glob(photos + "/good/*/*") + glob.glob(photos + "/odd/*")):
        check(os.path.basename(path), read(path), 3 if "4096" in path else 10)
    for name, wanted in expected_codes.items():
        expect_code(name, read(os.path.join(photos, "bad", name)), wanted)
else:
    print(f"NOTE: no photos at {photos}: only generated pictures are compared")
for name, data in generated():
    check(name, data, 4)

# Cut-off files of every kind, at every kind of place, are errors whatever part is needed.
photo = Image.fromarray(noise.integers(0, 256, (64, 64, 3), dtype=np.uint8)).resize((200, 160), Image.BICUBIC)
for kind, options in (("JPEG", {}), ("JPEG", {"progressive": True}), ("PNG", {}), ("WEBP", {}), ("WEBP", {"lossless": True})):
    data = encoded(photo, kind, **options)
    for cut in [1, 2, 10, len(data) // 3, len(data) // 2]:
        expect_code(f"{kind} {options} less {cut}", data[:-cut], "truncated")
for kind, name in (("GIF", "GIF"), ("BMP", "BMP"), ("TIFF", "TIFF"), ("PPM", "PPM")):
    expect_code(name, encoded(photo, kind), "unsupported_format")

print(f"{compared} comparisons, {len(failures)} differ")
for failure in failures[:20]:
    print("  ", failure)
sys.exit(1 if failures else 0)
