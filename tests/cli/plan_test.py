"""Which pictures a run takes, how often and in what order: --epochs, --shuffle, --shard, --last-batch, --limit."""

import filecmp

import forebay_command as fc
import PIL.Image

COUNT = 23


class Plan(fc.CommandTest):
    def setUp(self):
        super().setUp()
        self.pictures = self.folder / "pictures"
        self.pictures.mkdir()
        for number in range(COUNT):
            PIL.Image.effect_noise((70, 60), 40 + number).convert("RGB").save(self.pictures / f"{number:02}.png")

    def run_plan(self, name, *words):
        out = self.folder / name
        self.assert_done(fc.forebay("run", self.pictures, "--out", out, *fc.SMALL, "--augment", "train",
                                    "--quiet", *words))
        return out

    def names(self, out):
        return [item["path"].rsplit("/", 1)[1] for item in fc.items_of(out)]

    def test_epochs_and_shuffle_have_the_same_bits_for_any_number_of_workers(self):
        words = ("--epochs", 3, "--shuffle", "--seed", 9)
        one = self.run_plan("one", *words, "--workers", 1, "--batch", 64)
        for workers, batch, placement in ((0, 5, "worker"), (3, 7, "worker"), (2, 4, "owner")):
            other = self.run_plan(f"{workers}", *words, "--workers", workers, "--batch", batch,
                                  "--placement", placement)
            self.assertTrue(filecmp.cmp(one / "tensors.npy", other / "tensors.npy", shallow=False))
            self.assertTrue(filecmp.cmp(one / "items.jsonl", other / "items.jsonl", shallow=False))
        names = self.names(one)
        epochs = [names[begin:begin + COUNT] for begin in range(0, 3 * COUNT, COUNT)]
        for epoch in epochs:
            self.assertEqual(len(set(epoch)), COUNT)
        self.assertNotEqual(epochs[0], epochs[1])
        self.assertNotEqual(epochs[0], sorted(epochs[0]))
        self.assertNotEqual(self.names(self.run_plan("seed", "--shuffle", "--seed", 10))[:COUNT], epochs[0])

    def test_lines_name_item_and_epoch_where_the_plan_is_no_plain_one(self):
        plain = fc.items_of(self.run_plan("plain"))
        self.assertNotIn("item", plain[0])
        shuffled = fc.items_of(self.run_plan("shuffled", "--shuffle", "--epochs", 2))
        for line, item in enumerate(shuffled):
            self.assertEqual(item["index"], line)
            self.assertEqual(item["epoch"], line // COUNT)
            self.assertEqual(item["path"], plain[item["item"]]["path"])
        tensors = fc.tensors_of(self.folder / "shuffled")
        expected = fc.tensors_of(self.folder / "plain")
        for item in shuffled[:COUNT]:
            self.assertTrue((tensors[item["row"]] == expected[item["item"]]).all(), item)

    def test_shards_are_the_whole_together(self):
        whole = self.names(self.run_plan("whole", "--shuffle"))
        shards = [self.names(self.run_plan(f"shard{i}", "--shuffle", "--shard", f"{i}/4")) for i in range(4)]
        for number, shard in enumerate(shards):
            self.assertEqual(shard, whole[number::4])
        stream = self.names(self.run_plan("stream", "--shard", "1/4"))
        self.assertEqual(stream, sorted(whole)[1::4])

    def test_last_batch(self):
        for last, rows in (("partial", COUNT), ("drop", 20), ("pad", 25)):
            out = self.run_plan(last, "--batch", 5, "--last-batch", last, "--epochs", 2)
            self.assertEqual(fc.tensors_of(out).shape[0], 2 * rows)
            self.assertEqual(fc.summary_of(out)["options"]["last_batch"], last)
        names = self.names(self.folder / "pad")
        self.assertEqual(names[22:25], [f"{COUNT - 1:02}.png"] * 3)
        sizes = {fc.tensors_of(self.run_plan(f"equal{i}", "--batch", 4, "--last-batch", "pad", "--shard",
                                             f"{i}/5")).shape[0] for i in range(5)}
        self.assertEqual(sizes, {8})

    def test_limit_is_over_all_epochs(self):
        names = self.names(self.run_plan("limit", "--epochs", 5, "--limit", COUNT + 2))
        self.assertEqual(names, [f"{number % COUNT:02}.png" for number in range(COUNT + 2)])

    def test_a_list_from_a_pipe_can_be_shuffled(self):
        paths = "".join(f"{path}\n" for path in sorted(self.pictures.iterdir()))
        result = fc.subprocess.run(
            [fc.COMMAND, "run", "@/dev/stdin", "--out", str(self.out), *fc.SMALL, "--quiet", "--shuffle"],
            input=paths, text=True, capture_output=True, timeout=fc.PATIENCE_S)
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertEqual(len(set(self.names(self.out))), COUNT)

    def test_wrong_values_are_one_clear_line(self):
        for words, says in ((("--shard", "4/4"), "counts from 0"), (("--shard", "2"), "I/N"),
                            (("--shard", "x/2"), "--shard"), (("--shard", "0/0"), "--shard"),
                            (("--epochs", "0"), "--epochs"), (("--last-batch", "keep"), "partial|drop|pad")):
            result = fc.forebay("run", self.pictures, "--out", self.out, *words)
            self.assertEqual(result.returncode, 2, words)
            self.assertIn(says, result.stderr)
            self.assertEqual(result.stderr.count("\n"), 1, result.stderr)


if __name__ == "__main__":
    fc.main()
