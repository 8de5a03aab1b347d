"""Compares the operators with Pillow, torchvision and torch, bit for bit. Usage: against_pillow.py BRIDGE.so

Where torchvision is not installed, its geometry is a copy of it below, and torch's roundings are NumPy's."""
import ctypes
import math
import random
import sys

try:
    import numpy as np
    from PIL import Image
except ImportError as error:
    print(f"SKIPPED: {error}; install python3-pil and python3-numpy")
    sys.exit(77)
try:
    import torch
    import torchvision.transforms.functional as tv
    from torchvision.transforms import InterpolationMode
except ImportError:
    torch = tv = None

bridge = ctypes.CDLL(sys.argv[1])
randomly = random.Random(20261124)
noise = np.random.default_rng(20261124)
FILTERS = [Image.NEAREST, Image.BOX, Image.BILINEAR, Image.BICUBIC, Image.LANCZOS]
NAMES = ["nearest", "box", "bilinear", "bicubic", "lanczos"]
failures = []
compared = 0


def check(equal, what):
    global compared
    compared += 1
    if not equal:
        failures.append(what)


def pointer(array):
    return array.ctypes.data_as(ctypes.c_void_p)


def noise_picture(width, height):
    return noise.integers(0, 256, (height, width, 3), dtype=np.uint8)


def copied_resize(image, size, resample):
    width, height = image.size
    short, long = min(width, height), max(width, height)
    if short == size:
        return image
    new_long = int(size * long / short)
    return image.resize((size, new_long) if width <= height else (new_long, size), resample)


def copied_center_crop(image, size):
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


def resize_and_crop(image, resize, crop, which):
    if tv is None:
        return copied_center_crop(copied_resize(image, resize, FILTERS[which]), crop)
    return tv.center_crop(tv.resize(image, resize, InterpolationMode(NAMES[which])), crop)


def compare(width, height, resize, crop, which):
    pixels = noise_picture(width, height)
    expected = np.asarray(resize_and_crop(Image.fromarray(pixels), resize, crop, which))
    for plain in (0, 1):
        out = np.full((crop, crop, 3), 77, np.uint8)
        bridge.bridge_prepare(pointer(pixels), width, height, resize, crop, which, plain, pointer(out))
        check(np.array_equal(out, expected), (NAMES[which], width, height, resize, crop, plain))


def compare_train(width, height, crop, which, item):
    """The box and the flip are drawn by Forebay; the rest is torchvision's resized_crop and hflip."""
    pixels = noise_picture(width, height)
    out = np.full((crop, crop, 3), 77, np.uint8)
    box = (ctypes.c_uint32 * 4)()
    flip = bridge.bridge_train(pointer(pixels), width, height, crop, which, item, box, pointer(out))
    x, y, w, h = box
    expected = Image.fromarray(pixels).crop((x, y, x + w, y + h)).resize((crop, crop), FILTERS[which])
    if flip:
        expected = expected.transpose(Image.FLIP_LEFT_RIGHT)
    check(np.array_equal(out, np.asarray(expected)), ("train", NAMES[which], width, height, crop, item))


def compare_nearest(width, resize):
    """A long edge: Pillow adds up the scale, and the sum's rounding decides which pixel is the nearest."""
    pixels = noise_picture(width, 3)
    new_long = int(resize * width / 3)
    resized = np.asarray(Image.fromarray(pixels).resize((new_long, resize), Image.NEAREST))
    left = int(round((new_long - resize) / 2.0))
    out = np.full((resize, resize, 3), 77, np.uint8)
    bridge.bridge_prepare(pointer(pixels), width, 3, resize, resize, 0, 0, pointer(out))
    check(np.array_equal(out, resized[:, left:left + resize]), ("nearest", width, resize))


def finished(pixels, mean, std, dtype):
    """Bytes of ToTensor, Normalize and .to(dtype), as an array of H x W x 3."""
    if dtype == 0:
        return pixels
    if tv is not None:
        # ToTensor's planes are contiguous; the values do not depend on it.
        tensor = tv.normalize(tv.to_tensor(pixels), mean.tolist(), std.tolist())
        wanted = {1: torch.float16, 2: torch.bfloat16, 3: torch.float32}[dtype]
        bits = tensor.to(wanted).permute(1, 2, 0).contiguous()
        return bits.view(torch.int16).numpy() if dtype != 3 else bits.numpy()
    exact = (pixels.astype(np.float32) / np.float32(255) - mean) / std
    if dtype == 1:
        return exact.astype(np.float16)
    bits = exact.view(np.uint32).astype(np.uint64)
    return ((bits + 0x7FFF + ((bits >> 16) & 1)) >> 16).astype(np.uint16) if dtype == 2 else exact


def compare_finish(edge, mean, std):
    pixels = noise_picture(edge, edge)
    for dtype in range(4):
        expected = finished(pixels, mean, std, dtype)
        for layout, order in ((0, (2, 0, 1)), (1, (0, 1, 2))):
            out = np.zeros(pixels.size, expected.dtype)
            bridge.bridge_finish(pointer(pixels), edge, dtype, layout, pointer(mean), pointer(std),
                                 pointer(out))
            wanted = np.ascontiguousarray(expected.transpose(order))
            check(out.tobytes() == wanted.tobytes(), ("finish", dtype, layout, edge, mean, std))


EDGES = [(400, 350, 256, 224), (1, 1, 256, 224), (4000, 30, 256, 224), (30, 4000, 256, 224),
         (256, 256, 256, 224), (256, 300, 256, 256), (7, 5, 3, 2), (200, 333, 200, 224), (300, 200, 200, 224),
         (224, 224, 224, 224), (2, 3, 5, 17), (640, 480, 232, 224), (500, 375, 40, 33), (3, 100, 64, 64),
         (225, 224, 224, 224), (2000, 1500, 256, 224), (1500, 2000, 7, 1), (1, 300, 8, 30), (300, 1, 1, 1),
         (224, 500, 224, 500), (330, 330, 331, 225), (101, 99, 300, 299), (640, 480, 1, 3)]
for which in range(len(FILTERS)):
    for edge in EDGES:
        compare(*edge, which)
    for _ in range(60):
        compare(randomly.randint(1, 500), randomly.randint(1, 500), randomly.randint(1, 400),
                randomly.randint(1, 300), which)
    for item in range(60):
        compare_train(randomly.randint(1, 400), randomly.randint(1, 400), randomly.randint(1, 260), which,
                      item)
    for shape in ((1, 1), (1, 400), (900, 4), (224, 224)):
        compare_train(*shape, 224, which, 1)

for _ in range(40):
    compare_nearest(int(math.exp(randomly.uniform(math.log(3), math.log(20000)))), randomly.randint(3, 200))

compare_finish(37, np.array([0.485, 0.456, 0.406], np.float32),
               np.array([0.229, 0.224, 0.225], np.float32))
for _ in range(60):
    compare_finish(16, noise.uniform(-1, 1, 3).astype(np.float32),
                   noise.uniform(0.01, 3, 3).astype(np.float32))

print(f"Pillow {Image.__version__}, {'torch ' + torch.__version__ if torch else 'without torch'}: "
      f"{compared} comparisons, {len(failures)} differ {failures[:5]}")
sys.exit(1 if failures else 0)
