"""What every lister does. A subclass makes one that lists the keys given, relative to its location."""

from __future__ import annotations

from fakes.odd_keys import ODD_KEYS
from s3plan.schemas.objects import ObjectRow
from s3plan.schemas.ports import Lister

ODD = ("a-b", "a/c", "b", "a b", "a+b", "a%20b", "", "dir/", "dir//x", "/lead", "\uff5e", "\U00010000", "n\nl", "\x01")


def listed(lister: Lister) -> list[bytes]:
    return [row.key for page in lister.pages() for row in page]


class ListerContract:
    def make(self, *keys: str) -> Lister:
        raise NotImplementedError

    def test_keys_come_relative_and_in_the_order_of_their_bytes(self) -> None:
        assert listed(self.make(*ODD)) == sorted(key.encode() for key in ODD)

    def test_every_object_comes_exactly_once_however_many_pages_they_fill(self) -> None:
        keys = [f"{number:05d}" for number in range(2500)]
        assert listed(self.make(*keys)) == [key.encode() for key in keys]

    def test_odd_keys_at_the_ends_of_pages_are_not_lost(self) -> None:
        keys = [f"{odd}{number:02d}" for odd in ODD_KEYS if len(odd.encode()) < 1000 for number in range(40)]
        assert listed(self.make(*keys)) == sorted(key.encode() for key in keys)

    def test_an_empty_location_has_no_objects(self) -> None:
        assert listed(self.make()) == []

    def test_pages_are_never_empty_and_hold_rows(self) -> None:
        pages = list(self.make("a", "b").pages())
        assert all(isinstance(row, ObjectRow) for page in pages for row in page)
        assert all(pages)

    def test_what_our_own_probes_left_behind_is_not_listed(self) -> None:
        left = ".s3plan-probe-" + "0a" * 16
        mine = (".s3plan-probe-notes.txt", f"{left}/mine", f"x{left}")
        assert set(listed(self.make(left, f"{left}-source", *mine))) == {key.encode() for key in mine}

    def test_it_can_be_listed_again(self) -> None:
        lister = self.make("a")
        assert listed(lister) == listed(lister) == [b"a"]
