"""Every state, move and step of the list (slot_life.pml, made of pipeline/flow/slot_life.h) is used by slots.pml.

What the model did not use it would not check. Spin itself refuses names that the list does not have.
"""

import re
import sys
import unittest
from pathlib import Path

FOLDER = Path(__file__).resolve().parents[2] / "docs/model"


def bare(text: str) -> str:
    """The model without comments and without what only a broken rule has."""
    text = re.sub(r"/\*.*?\*/", " ", text, flags=re.DOTALL)
    return re.sub(r"#ifdef BREAK_\w+\n.*?(#else|#endif)", r"\1", text, flags=re.DOTALL)


def unused(life: str, model: str) -> list[str]:
    """Names of the list that the model does not use, in their order."""
    life, model = bare(life), bare(model)
    states = re.findall(r"\w+", re.search(r"mtype:slot = {([^}]*)}", life).group(1))
    steps = re.findall(r"\w+", re.search(r"mtype:step = {([^}]*)}", life).group(1))
    missing = [name for name in re.findall(r"inline (move_\w+)\(", life) if f"{name}(" not in model]
    missing += [name for name in steps if not re.search(rf"step\({name}\)", model)]
    moved_to = set(re.findall(r"= (slot_\w+) }", life))
    return missing + [name for name in states if name not in moved_to and name not in model]


class Names(unittest.TestCase):
    def setUp(self) -> None:
        self.life = (FOLDER / "slot_life.pml").read_text()
        self.model = (FOLDER / "slots.pml").read_text()

    def test_the_model_uses_the_whole_list(self) -> None:
        self.assertEqual(unused(self.life, self.model), [])

    def test_a_name_that_the_model_lacks_is_found(self) -> None:
        for use in ("move_retire(lease_slot[c])", "worker_step(worker_described)", "step(owner_read)"):
            self.assertIn(use, self.model)
            name = re.search(r"move_retire|worker_described|owner_read", use).group(0)
            self.assertEqual(unused(self.life, self.model.replace(use, f"/* {use} */")), [name])


if __name__ == "__main__":
    sys.exit(unittest.main())
