"""Compares the operators with Pillow (and torchvision's geometry), bit for bit. Usage: against_pillow.py BRIDGE.so"""
import ctypes
import random
import sys

try:
    import numpy as np
    from PIL import Image
except ImportError as error:
    print(f"SKIPPED: {error}; install python3-pil and python3-numpy")
    sys.exit(77)

bridge = ctypes.CDLL(sys.argv[1])
randomly = random.Random(20261124)
noise = np.random.default_rng(20261124)
FILTERS = [Image.NEAREST, Image.BOX, Image.BILINEAR, Image.BICUBIC, Image.LANCZOS]
failures = []
compared = 0


def pointer(array):
    return array.ctypes.data_as(ctypes.c_void_p)


def torchvision_resize(image, size, resample):
    width, height = image.size
    short, long = min(width, height), max(width, height)
    if short == size:
        return image
    new_long = int(size * long / short)
    return image.resize((size, new_long) if width <= height else (new_long, size), resample)


def torchvision_center_crop(image, size):
    width, height = image.size
    if size > width or size > height:
        left = (size - width) // 2 if size > width else 0
        top = (size - height) // 2 if size > height else 0
        right = (size - width + 1) // 2 if size > width else 0
        bottom = (size - height + 1) // 2 if size > height else 0
        padded = Image.new("RGB", (width + left + right, height + top + bottom))
        padded.paste(image, (left, top))
        image = padded
        width, height = image.size
        if (width, height) == (size, size):
            return image
    top = int(round((height - size) / 2.0))
    left = int(round((width - size) / 2.0))
    return image.crop((left, top, left + size, top + size))


def compare(width, height, resize, crop, which):
    global compared
    pixels = noise.integers(0, 256, (height, width, 3), dtype=np.uint8)
    expected = np.asarray(torchvision_center_crop(torchvision_resize(Image.fromarray(pixels), resize, FILTERS[which]), crop))
    for plain in (0, 1):
        out = np.full((crop, crop, 3), 77, np.uint8)
        bridge.bridge_prepare(pointer(pixels), width, height, resize, crop, which, plain, pointer(out))
        compared += 1
        if not np.array_equal(out, expected):
            failures.append((width, height, resize, crop, which, plain))


edges = [(400, 350, 256, 224), (1, 1, 256, 224), (4000, 30, 256, 224), (30, 4000, 256, 224), (256, 256, 256, 224),
         (256, 300, 256, 256), (7, 5, 3, 2), (200, 333, 200, 224), (300, 200, 200, 224), (224, 224, 224, 224),
         (2, 3, 5, 17), (640, 480, 232, 224), (500, 375, 40, 33), (3, 100, 64, 64), (225, 224, 224, 224)]
for which in range(len(FILTERS)):
    for edge in edges:
        compare(*edge, which)
    for _ in range(50):
        compare(randomly.randint(1, 500), randomly.randint(1, 500), randomly.randint(1, 400), randomly.randint(1, 300), which)

# The last operator: ToTensor and Normalize are three roundings in f32.
mean = np.array([0.485, 0.456, 0.406], np.float32)
std = np.array([0.229, 0.224, 0.225], np.float32)
EDGE = 37
pixels = noise.integers(0, 256, (EDGE, EDGE, 3), dtype=np.uint8)
exact = (pixels.astype(np.float32) / np.float32(255) - mean) / std
bits = exact.view(np.uint32).astype(np.uint64)
expected_of = {3: exact, 1: exact.astype(np.float16),
               2: ((bits + 0x7FFF + ((bits >> 16) & 1)) >> 16).astype(np.uint16), 0: pixels}
for dtype, expected in expected_of.items():
    for layout, order in ((0, (2, 0, 1)), (1, (0, 1, 2))):
        out = np.zeros(pixels.size, expected.dtype)
        bridge.bridge_finish(pointer(pixels), EDGE, dtype, layout, pointer(out))
        compared += 1
        if out.tobytes() != np.ascontiguousarray(expected.transpose(order)).tobytes():
            failures.append(("finish", dtype, layout))

print(f"{compared} comparisons, {len(failures)} differ {failures[:5]}")
sys.exit(1 if failures else 0)
