"""Time to the DataLoader's first batch over a list of (path, label). Prints one line of JSON.

`first_batch_s` begins at the list's file, as forebay_consumer's does; `after_list_s` where the list is in memory.
"""

import argparse
import json
import time

from PIL import Image
from torch.utils.data import DataLoader, Dataset
from torchvision import transforms


class ListDataset(Dataset):
    """Every worker gets a copy of the entries: pickled to it with spawn, shared until touched with fork."""

    def __init__(self, entries: list[tuple[str, int]]):
        self.entries = entries
        self.transform = transforms.Compose([
            transforms.Resize(256), transforms.CenterCrop(224), transforms.ToTensor(),
            transforms.Normalize((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))])

    def __len__(self) -> int:
        return len(self.entries)

    def __getitem__(self, index: int):
        path, label = self.entries[index]
        with Image.open(path) as picture:
            return self.transform(picture.convert("RGB")), label


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("list")
    parser.add_argument("--start-method", default="spawn")
    parser.add_argument("--workers", type=int, default=2)
    arguments = parser.parse_args()

    begin = time.perf_counter()
    with open(arguments.list, encoding="utf-8") as lines:
        entries = [(line.rstrip("\n"), number % 1000) for number, line in enumerate(lines)]
    listed = time.perf_counter()
    loader = DataLoader(ListDataset(entries), batch_size=64, num_workers=arguments.workers,
                        multiprocessing_context=arguments.start_method)
    batch, _ = next(iter(loader))
    end = time.perf_counter()
    print(json.dumps({"pictures": len(batch), "first_batch_s": end - begin, "after_list_s": end - listed}), flush=True)


if __name__ == "__main__":
    main()
