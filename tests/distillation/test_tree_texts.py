"""Shards make one text depth first, or are found broken, and none is lost."""

import random
from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from millrace.distillation.tree_texts import BrokenTree, Shard, TreeText, assemble


def shard(node: str, parent: str | None = None, position: int | None = 0, group: str | None = None) -> Shard:
    return Shard(node, parent, position, f"<{node}>", sha256(node.encode()).hexdigest(), group, 0)


def test_the_text_is_read_depth_first_with_children_by_position() -> None:
    # a has b (1) and c (2); b has d (9): a, b, d, c
    (tree,) = assemble([shard("c", "a", 2), shard("d", "b", 9), shard("a"), shard("b", "a", 1)])
    assert isinstance(tree, TreeText)
    assert (tree.root.node, tree.text) == ("a", "<a><b><d><c>")
    hashes = "".join(sha256(node.encode()).hexdigest() for node in "abdc")
    assert tree.shards_hash == sha256(hashes.encode()).hexdigest()


def test_shards_without_a_text_add_nothing() -> None:
    empty = Shard("a", None, None, None, "0" * 64, None, 0)
    (alone,) = assemble([empty])
    assert isinstance(alone, TreeText)
    assert alone.text is None
    (tree,) = assemble([empty, shard("b", "a")])
    assert isinstance(tree, TreeText)
    assert tree.text == "<b>"


@pytest.mark.parametrize(
    ("shards", "fault"),
    [
        ([shard("a"), shard("b", "a"), shard("c", "x")], "a parent is missing"),
        ([shard("a", "b"), shard("b", "a")], "no root"),
        ([shard("a", "a")], "no root"),
        ([shard("a"), shard("b", "a", 1), shard("c", "a", 1)], "one position"),
        ([shard("a"), shard("b", "a", None)], "no whole number"),
        ([shard("a"), shard("a"), shard("b", "a")], "two roots"),
        ([shard("a"), shard("b", "a", 1), shard("b", "a", 2)], "one name"),
        ([shard("a", group="g"), shard("b", group="g")], "two roots"),
        ([shard("a", group="g"), shard("b", "c", group="g"), shard("c", "b", group="g")], "each other's parents"),
    ],
)
def test_a_broken_tree_says_why(shards: list[Shard], fault: str) -> None:
    found = [each for each in assemble(shards) if isinstance(each, BrokenTree)]
    assert len(found) == 1
    assert fault in found[0].fault


def test_a_broken_tree_leaves_the_others_whole() -> None:
    whole, broken = assemble([shard("a"), shard("x", "lost"), shard("b", "a"), shard("y", "x")])
    assert isinstance(whole, TreeText)
    assert isinstance(broken, BrokenTree)
    assert (whole.text, [each.node for each in broken.shards]) == ("<a><b>", ["x", "y"])


def test_groups_tell_equal_names_apart() -> None:
    found = assemble([shard("a", group="1"), shard("a", group="2"), shard("b", "a", group="2"), shard("a")])
    assert [each.text if isinstance(each, TreeText) else None for each in found] == ["<a>", "<a><b>", "<a>"]


def test_a_deep_tree_is_no_matter() -> None:
    shards = [shard("0"), *[shard(str(number), str(number - 1)) for number in range(1, 5000)]]
    (tree,) = assemble(reversed(shards))
    assert isinstance(tree, TreeText)
    assert tree.shards[-1].node == "4999"


@given(st.lists(st.integers(0, 100), max_size=20), st.randoms(use_true_random=False))
def test_the_order_of_the_rows_does_not_matter(above: list[int], order: random.Random) -> None:
    # node i + 1 hangs below one of the nodes 0..i
    shards = [shard("0")] + [shard(str(i + 1), str(up % (i + 1)), i) for i, up in enumerate(above)]
    shuffled = list(shards)
    order.shuffle(shuffled)
    (first,), (second,) = assemble(shards), assemble(shuffled)
    assert isinstance(first, TreeText)
    assert isinstance(second, TreeText)
    assert (first.text, first.shards_hash, len(first.shards)) == (second.text, second.shards_hash, len(shards))


NAME = st.sampled_from("abcd")


@given(st.lists(st.builds(shard, NAME, st.none() | NAME, st.none() | st.integers(0, 2), st.none() | st.just("g"))))
def test_every_shard_is_in_one_text_or_one_broken_tree(shards: list[Shard]) -> None:
    found = assemble(shards)
    members = [id(member) for each in found for member in each.shards]
    assert sorted(members) == sorted(id(each) for each in shards)
