"""NVIDIA DALI's cpu pipeline on the same job (device_id=None). Its resize is antialiased, but not Pillow's bit for bit.

Prints one line of JSON. Time begins where the pipeline is made.
"""

import argparse
import json
import time

import numpy
from nvidia.dali import fn, pipeline_def, types

MEAN = [0.485 * 255, 0.456 * 255, 0.406 * 255]
STD = [0.229 * 255, 0.224 * 255, 0.225 * 255]


@pipeline_def
def photos(folder: str):
    encoded, label = fn.readers.file(file_root=folder, name="reader")
    pixels = fn.decoders.image(encoded, device="cpu", output_type=types.RGB)
    pixels = fn.resize(pixels, resize_shorter=256, interp_type=types.INTERP_TRIANGULAR, antialias=True)
    return fn.crop_mirror_normalize(pixels, crop=(224, 224), mean=MEAN, std=STD, dtype=types.FLOAT,
                                    output_layout="CHW"), label


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder")
    parser.add_argument("--epochs", type=int, default=1)
    parser.add_argument("--workers", type=int, default=2, help="threads: DALI's cpu operators run in one process")
    parser.add_argument("--batch", type=int, default=64)
    arguments = parser.parse_args()

    begin = time.perf_counter()
    pipeline = photos(folder=arguments.folder, batch_size=arguments.batch, num_threads=arguments.workers,
                      device_id=None)
    pipeline.build()
    count = pipeline.epoch_size("reader") * arguments.epochs
    pictures = first_pictures = 0
    first_batch_s = total = 0.0
    while pictures < count:
        batch, _ = pipeline.run()
        values = numpy.asarray(batch.as_tensor())
        if pictures == 0:
            first_batch_s = time.perf_counter() - begin
            first_pictures = len(values)
        pictures += len(values)
        total += float(values.reshape(-1)[::16].sum())
    seconds = time.perf_counter() - begin
    print(json.dumps({"pictures": pictures, "seconds": seconds, "first_batch_s": first_batch_s,
                      "steady_per_s": (pictures - first_pictures) / (seconds - first_batch_s), "sum": total}))


if __name__ == "__main__":
    main()
