"""PyTorch's DataLoader on the same job: ImageFolder, Resize, CenterCrop, ToTensor, Normalize, batches that are read.

Prints one line of JSON. Time begins where the data set is made: the imports before it are not counted.
"""

import argparse
import json
import time

import torch
from torch.utils.data import ConcatDataset, DataLoader
from torchvision import transforms
from torchvision.datasets import ImageFolder

MEAN = (0.485, 0.456, 0.406)
STD = (0.229, 0.224, 0.225)


def transform() -> transforms.Compose:
    return transforms.Compose([transforms.Resize(256), transforms.CenterCrop(224), transforms.ToTensor(),
                               transforms.Normalize(MEAN, STD)])


def read_batch(batch: torch.Tensor) -> float:
    """One value of every cache line, as forebay_consumer.cpp."""
    return float(batch.view(-1)[::16].sum())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder")
    parser.add_argument("--epochs", type=int, default=1)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--start-method", default="fork")
    arguments = parser.parse_args()

    begin = time.perf_counter()
    folder = ImageFolder(arguments.folder, transform())
    # One long epoch: no pause of the workers between two, which favours the DataLoader.
    loader = DataLoader(ConcatDataset([folder] * arguments.epochs), batch_size=arguments.batch,
                        num_workers=arguments.workers, multiprocessing_context=arguments.start_method)
    pictures = first_pictures = 0
    first_batch_s = total = 0.0
    for batch, _ in loader:
        if pictures == 0:
            first_batch_s = time.perf_counter() - begin
            first_pictures = len(batch)
        pictures += len(batch)
        total += read_batch(batch)
    seconds = time.perf_counter() - begin
    print(json.dumps({"pictures": pictures, "seconds": seconds, "first_batch_s": first_batch_s,
                      "steady_per_s": (pictures - first_pictures) / (seconds - first_batch_s), "sum": total}))


if __name__ == "__main__":
    main()
