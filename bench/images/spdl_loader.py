"""Meta's SPDL on the same job: FFmpeg decodes and scales in threads, NumPy normalises. Its bilinear filter is FFmpeg's.

Prints one line of JSON. Time begins where the pipeline is made.
"""

import argparse
import json
import pathlib
import time

import numpy
import spdl.io
from spdl.pipeline import PipelineBuilder

MEAN = numpy.array([0.485, 0.456, 0.406], dtype=numpy.float32).reshape(1, 3, 1, 1) * 255
STD = numpy.array([0.229, 0.224, 0.225], dtype=numpy.float32).reshape(1, 3, 1, 1) * 255

# The shorter edge becomes 256, the middle 224 x 224 stays.
FILTER = ("scale=w='if(lt(iw,ih),256,-1)':h='if(lt(iw,ih),-1,256)':flags=bilinear,"
          "crop=224:224,format=pix_fmts=rgb24")


def load(path: pathlib.Path):
    packets = spdl.io.demux_image(str(path))
    return spdl.io.decode_packets(packets, filter_desc=FILTER)


def batch_up(frames) -> numpy.ndarray:
    pixels = spdl.io.to_numpy(spdl.io.convert_frames(frames))  # u8 [n, 224, 224, 3]
    return (pixels.transpose(0, 3, 1, 2).astype(numpy.float32) - MEAN) / STD


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("--epochs", type=int, default=1)
    parser.add_argument("--workers", type=int, default=2, help="threads")
    parser.add_argument("--batch", type=int, default=64)
    arguments = parser.parse_args()

    begin = time.perf_counter()
    paths = sorted(path for path in arguments.folder.rglob("*") if path.is_file()) * arguments.epochs
    pipeline = (PipelineBuilder().add_source(paths).pipe(load, concurrency=arguments.workers)
                .aggregate(arguments.batch).pipe(batch_up).add_sink(3).build(num_threads=arguments.workers))
    pictures = first_pictures = 0
    first_batch_s = total = 0.0
    with pipeline.auto_stop():
        for values in pipeline:
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
