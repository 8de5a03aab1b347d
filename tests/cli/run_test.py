"""The main job from end to end: the same bits as Pillow's, whatever the workers; bad input is data."""

import json
import os

import forebay_command as fc
import numpy

U8 = ["--dtype", "u8", "--layout", "nhwc"]
BAD = {"bad_crc.png": "corrupt", "claims_65500x65500.jpg": "too_large", "empty.jpg": "empty_file",
       "header_only.jpg": "truncated", "text.jpg": "not_an_image", "truncated.png": "truncated",
       "truncated_half.jpg": "truncated", "zip_bomb_header.png": "too_large"}


@fc.needs_photos
class Reference(fc.CommandTest):
    def setUp(self):
        super().setUp()
        self.reference = numpy.load(fc.PHOTOS / "reference_resize256_crop224_u8.npy")
        self.names = (fc.PHOTOS / "reference_order.txt").read_text().split()

    def run_good(self, *words):
        result = self.assert_done(fc.forebay("run", fc.PHOTOS / "good", "--out", self.out, "--force", *words))
        return result, fc.tensors_of(self.out)

    def test_a_list_gives_the_reference(self):
        self.assert_done(fc.forebay("run", "@reference_order.txt", "--out", self.out, *U8, cwd=fc.PHOTOS))
        self.assertTrue((fc.tensors_of(self.out) == self.reference).all())
        items = fc.items_of(self.out)
        self.assertEqual([item["path"] for item in items], self.names)
        self.assertEqual([item["row"] for item in items], list(range(len(self.names))))
        summary = fc.summary_of(self.out)
        self.assertEqual((summary["items"], summary["rows"], summary["errors"]), (96, 96, {}))
        self.assertEqual(summary["payload_copies"], 0)

    def test_a_folder_gives_the_reference_with_labels(self):
        _, tensors = self.run_good(*U8)
        self.assertTrue((tensors == self.reference).all())
        for item, name in zip(fc.items_of(self.out), self.names):
            self.assertEqual(item["path"], str(fc.PHOTOS / name))
            self.assertEqual(item["label"], name.split("/")[1])
            self.assertEqual(item["status"], "ok")
            self.assertGreater(item["width"], 0)

    def test_bits_depend_on_nothing_but_the_pictures(self):
        for words in (["--workers", "1"], ["--workers", "3", "--batch", "7"], ["--batch", "1"],
                      ["--batch", "1000"], ["--decode", "whole"], ["--slots", "2"], ["--slot-mb", "0.2"],
                      ["--workers", "0"], ["--placement", "owner", "--device", "cpu"]):
            with self.subTest(words=words):
                _, tensors = self.run_good(*U8, *words)
                self.assertTrue((tensors == self.reference).all())

    def test_completion_order_has_every_row_once(self):
        _, tensors = self.run_good(*U8, "--order", "completion", "--batch", "5", "--workers", "3")
        items = fc.items_of(self.out)
        self.assertEqual([item["index"] for item in items], list(range(96)))
        self.assertEqual(sorted(item["row"] for item in items), list(range(96)))
        for item in items:
            self.assertTrue((tensors[item["row"]] == self.reference[item["index"]]).all())

    def test_types_and_layouts_are_torchvisions(self):
        mean = numpy.array([0.485, 0.456, 0.406], dtype="f4")
        deviation = numpy.array([0.229, 0.224, 0.225], dtype="f4")
        wanted = (self.reference.astype("f4") / numpy.float32(255) - mean) / deviation
        _, tensors = self.run_good("--layout", "nhwc")
        self.assertEqual(tensors.dtype, numpy.float32)
        self.assertTrue((tensors == wanted).all())
        _, tensors = self.run_good()
        self.assertTrue((tensors == wanted.transpose(0, 3, 1, 2)).all())
        _, tensors = self.run_good("--dtype", "f16", "--layout", "nhwc")
        self.assertTrue((tensors == wanted.astype("f2")).all())
        _, tensors = self.run_good("--dtype", "bf16", "--layout", "nhwc")
        bits = wanted.view("u4")
        rounded = (bits + 0x7FFF + ((bits >> 16) & 1)) >> 16
        self.assertEqual(tensors.dtype, numpy.uint16)
        self.assertTrue((tensors == rounded).all())
        _, tensors = self.run_good("--layout", "nhwc", "--mean", "0.5 0.5 0.5", "--std", "0.25,0.5,1")
        plain = self.reference.astype("f4") / numpy.float32(255) - numpy.float32(0.5)
        self.assertTrue((tensors == plain / numpy.array([0.25, 0.5, 1], dtype="f4")).all())

    def test_limit(self):
        _, tensors = self.run_good(*U8, "--limit", "10", "--batch", "4")
        self.assertTrue((tensors == self.reference[:10]).all())
        self.assertEqual(len(fc.items_of(self.out)), 10)
        _, tensors = self.run_good("--limit", "0")
        self.assertEqual(tensors.shape, (0, 3, 224, 224))
        self.assertEqual(fc.items_of(self.out), [])

    def test_augmentation_depends_on_the_seed_only(self):
        runs = {}
        for name, words in {"a": ["--seed", "1", "--workers", "1"], "b": ["--seed", "1", "--batch", "9"],
                            "c": ["--seed", "2"]}.items():
            runs[name] = numpy.array(self.run_good(*U8, "--augment", "train", *words)[1])
        self.assertTrue((runs["a"] == runs["b"]).all())
        self.assertFalse((runs["a"] == runs["c"]).all())
        self.assertFalse((runs["a"] == self.reference).all())


@fc.needs_photos
class Input(fc.CommandTest):
    def test_every_odd_picture_works(self):
        self.assert_done(fc.forebay("run", fc.PHOTOS / "odd", "--out", self.out))
        self.assertEqual({item["status"] for item in fc.items_of(self.out)}, {"ok"})

    def test_every_bad_file_is_one_record_with_its_code(self):
        missing = self.folder / "missing.jpg"
        lines = [str(fc.PHOTOS / "bad" / name) for name in sorted(BAD)] + [str(missing), str(self.folder)]
        (self.folder / "list.txt").write_text("\n".join(lines))
        result = self.assert_done(fc.forebay("run", f"@{self.folder}/list.txt", "--out", self.out))
        self.assertIn("no item succeeded", result.stdout)
        items = fc.items_of(self.out)
        codes = {os.path.basename(item["path"]): item["error"]["code"] for item in items}
        self.assertEqual(codes, {**BAD, "missing.jpg": "io_error", self.folder.name: "io_error"})
        self.assertTrue(all(item["row"] is None and item["error"]["message"] for item in items))
        self.assertEqual(fc.tensors_of(self.out).shape, (0, 3, 224, 224))
        self.assertFalse((self.out / "contact_sheet.png").exists())
        errors = fc.summary_of(self.out)["errors"]
        self.assertEqual(sum(errors.values()), 10)
        self.assertEqual(errors["io_error"], 2)

    def test_bad_items_leave_no_hole(self):
        names = (fc.PHOTOS / "reference_order.txt").read_text().split()
        bad = [str(fc.PHOTOS / "bad" / name) for name in sorted(BAD)]
        lines = []
        for i, name in enumerate(names):
            lines += [str(fc.PHOTOS / name)] + ([bad[i % len(bad)]] if i % 3 == 0 else [])
        (self.folder / "list.txt").write_text("\n".join(lines))
        self.assert_done(fc.forebay("run", f"@{self.folder}/list.txt", "--out", self.out, *U8, "--batch", "10"))
        reference = numpy.load(fc.PHOTOS / "reference_resize256_crop224_u8.npy")
        self.assertTrue((fc.tensors_of(self.out) == reference).all())
        rows = [item["row"] for item in fc.items_of(self.out) if item["status"] == "ok"]
        self.assertEqual(rows, list(range(96)))

    def test_strict_looks_at_the_whole_picture(self):
        """Damage that the crop does not touch is a warning that only a whole decoding sees."""
        path = self.folder / "tall.jpg"
        noise = numpy.random.default_rng(1).integers(0, 256, (60, 10, 3), dtype=numpy.uint8)
        image = fc.PIL.Image.fromarray(noise).resize((100, 600))
        image.save(path, quality=90)
        data = path.read_bytes()
        path.write_bytes(data[:-2] + b"surplus" * 30 + data[-2:])  # behind the last row, before the end marker
        run = ["run", path, "--resize", "100", "--crop", "100", "--dtype", "u8", "--force"]
        self.assert_done(fc.forebay(*run, "--out", self.out))
        self.assertEqual([(i["status"], i["warnings"]) for i in fc.items_of(self.out)], [("ok", 0)])
        self.assert_done(fc.forebay(*run, "--out", self.out, "--decode", "whole"))
        self.assertGreater(fc.items_of(self.out)[0]["warnings"], 0)
        self.assert_done(fc.forebay(*run, "--out", self.out, "--strict"))
        self.assertEqual(fc.items_of(self.out)[0]["error"]["code"], "decoder_warning")
        self.assertEqual(fc.summary_of(self.out)["options"]["decode"], "whole")

    def test_on_error_fail_stops_at_the_first(self):
        bad = fc.PHOTOS / "bad" / "text.jpg"
        result = fc.forebay("run", fc.PHOTOS / "good/a", bad, fc.PHOTOS / "good/b", "--out", self.out, "--on-error",
                            "fail", "--quiet")
        self.assert_done(result, 1)
        self.assertIn(f"item 24 ({bad}) failed: not_an_image", result.stderr)
        self.assertIn("kept 24 rows", result.stderr)
        self.assertEqual(len(fc.tensors_of(self.out)), 24)
        self.assertEqual(len(fc.items_of(self.out)), 25)
        self.assertIn("not_an_image", fc.summary_of(self.out)["failure"])


class Items(fc.CommandTest):
    def test_names_of_any_bytes(self):
        picture = self.write_picture("a.jpg")
        odd = os.fsencode(self.folder) + b"/tree/\xff\"\xc3\xa9\n.jpg"
        os.mkdir(self.folder / "tree")
        os.link(picture, odd)
        self.assert_done(fc.forebay("run", self.folder / "tree", "--out", self.out))
        (item,) = fc.items_of(self.out)
        self.assertTrue(item["path"].endswith("/tree/\ufffd\"\u00e9\n.jpg"))
        self.assertEqual((item["status"], item["width"], item["height"]), ("ok", 40, 30))

    def test_unknown_formats_are_recorded_not_left_out(self):
        self.write_picture("tree/a.jpg")
        self.write_picture("tree/b.gif")
        (self.folder / "tree/c.txt").write_text("x")
        result = self.assert_done(fc.forebay("run", self.folder / "tree", "--out", self.out))
        items = fc.items_of(self.out)
        self.assertEqual([item["status"] for item in items], ["ok", "error"])
        self.assertEqual(items[1]["error"]["code"], "unsupported_format")
        self.assertIn("1 file with no picture's suffix left out", result.stdout)
        self.assertTrue(any("1 file" in note for note in fc.summary_of(self.out)["notes"]))

    def test_labels_of_lists(self):
        picture = self.write_picture("a.jpg")
        (self.folder / "list.txt").write_text(f"{picture}\tcat\r\n{picture}\n")
        self.assert_done(fc.forebay("run", f"@{self.folder}/list.txt", "--out", self.out))
        self.assertEqual([item["label"] for item in fc.items_of(self.out)], ["cat", None])

    def test_a_broken_list_ends_the_run_with_what_was_finished(self):
        picture = self.write_picture("a.jpg")
        (self.folder / "list.txt").write_bytes(f"{picture}\n".encode() * 200 + b"\0\n")
        result = fc.forebay("run", f"@{self.folder}/list.txt", "--out", self.out, "--quiet")
        self.assert_done(result, 2)
        self.assertIn("line 201", result.stderr)
        summary = fc.summary_of(self.out)
        self.assertIn("line 201", summary["failure"])
        self.assertEqual(len(fc.tensors_of(self.out)), summary["rows"])
        self.assertEqual(len(fc.items_of(self.out)), summary["items"])
        self.assertEqual(summary["rows"], 200)  # nothing that came before the broken line is dropped

    def test_too_few_descriptors_are_no_fault_of_the_items(self):
        lines = [str(self.write_picture(f"{number}.jpg")) for number in range(150)]
        (self.folder / "list.txt").write_text("\n".join(lines))
        codes = set()
        for limit in range(8, 40, 2):
            result = fc.forebay("run", f"@{self.folder}/list.txt", "--out", self.out, "--quiet", "--force", "--workers", "2",
                                *fc.SMALL, open_files=limit)
            codes.add(result.returncode)
            self.assertIn(result.returncode, (0, 3), result.stderr)
            if result.returncode == 0:
                self.assertEqual(fc.summary_of(self.out)["rows"], 150, f"with {limit} descriptors")
            else:
                self.assertRegex(result.stderr, r"^forebay: .*\n")
        self.assertIn(0, codes)

    def test_json_is_all_of_stdout(self):
        self.write_picture("a.jpg")
        result = self.assert_done(fc.forebay("run", self.folder / "a.jpg", "--sink", "none", "--json", "--quiet"))
        summary = json.loads(result.stdout)
        self.assertEqual((summary["items"], summary["rows"]), (1, 1))
        self.assertEqual(result.stderr, "")
        self.assertEqual(summary["options"]["sink"], "none")
        result = self.assert_done(fc.forebay("run", self.folder / "a.jpg", "--out", self.out, "--json"))
        self.assertEqual(json.loads(result.stdout), fc.summary_of(self.out))


if __name__ == "__main__":
    fc.main()
