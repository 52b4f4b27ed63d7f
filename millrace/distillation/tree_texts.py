"""Texts that lie in shards, one a row, as a tree: put together depth first, or found broken."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from hashlib import sha256


@dataclass(frozen=True, slots=True)
class Shard:
    """One row of a tree.

    Attributes:
        parent: None for the root.
        position: orders the children of one parent; None where the row has no whole number there.
        text: the shard's piece; None where it has none.
        place: where the row is: whatever the caller finds it by.
    """

    node: str
    parent: str | None
    position: int | None
    text: str | None
    row_hash: str
    group: str | None
    place: int


@dataclass(frozen=True)
class TreeText:
    """One text, put together.

    Attributes:
        shards: root first, depth first, children by position.
    """

    shards: Sequence[Shard]

    @property
    def root(self) -> Shard:
        """The shard that has no parent."""
        return self.shards[0]

    @property
    def text(self) -> str | None:
        """The pieces in order; None when no shard has a text."""
        texts = [shard.text for shard in self.shards if shard.text is not None]
        return "".join(texts) if texts else None

    @property
    def shards_hash(self) -> str:
        """sha256 over the row hashes of the shards in order, each as 64 hex digits."""
        return sha256("".join(shard.row_hash for shard in self.shards).encode()).hexdigest()


@dataclass(frozen=True)
class BrokenTree:
    """Shards that belong together and make no text, and why."""

    shards: Sequence[Shard]
    fault: str


def assemble(shards: Iterable[Shard]) -> list[TreeText | BrokenTree]:
    """The trees that shards make, each shard in exactly one, in the order of their first shards.

    Shards with a ``group`` belong together by it; the others where one names the other as its parent.
    """
    found = []
    for members in _families(list(shards)):
        fault = _fault(members)
        ordered = [] if fault else _depth_first(members)
        if not fault and len(ordered) < len(members):
            fault = "shards are each other's parents"
        found.append(BrokenTree(members, fault) if fault else TreeText(ordered))
    return found


def _families(shards: list[Shard]) -> list[list[Shard]]:
    """Shards that hang together, by union-find over names; a parent that is no row counts as a name too."""
    above: dict[tuple[bool, str], tuple[bool, str]] = {}

    def top(name: tuple[bool, str]) -> tuple[bool, str]:
        above.setdefault(name, name)
        while above[name] != name:
            above[name] = name = above[above[name]]
        return name

    for shard in shards:
        own = _family_name(shard, shard.node)
        above[top(own)] = top(own if shard.parent is None else _family_name(shard, shard.parent))
    families: dict[tuple[bool, str], list[Shard]] = defaultdict(list)
    for shard in shards:
        families[top(_family_name(shard, shard.node))].append(shard)
    return list(families.values())


def _family_name(shard: Shard, name: str) -> tuple[bool, str]:
    return (False, name) if shard.group is None else (True, shard.group)


def _fault(members: list[Shard]) -> str:
    """What is wrong with shards that hang together; nothing but a cycle remains where this is empty."""
    roots = [shard for shard in members if shard.parent is None]
    nodes = {shard.node for shard in members}
    orphan = next((shard for shard in members if shard.parent is not None and shard.parent not in nodes), None)
    children = [(shard.parent, shard.position) for shard in members if shard.parent is not None]
    if len(roots) > 1:
        return "two roots"
    if len(nodes) < len(members):
        return "two shards have one name"
    if orphan is not None:
        return "a parent is missing"
    if not roots:
        return "no root: shards are each other's parents"
    if any(position is None for _, position in children):
        return "a shard has no whole number for its position"
    return "two shards have one position" if len(set(children)) < len(children) else ""


def _depth_first(members: list[Shard]) -> list[Shard]:
    children: dict[str, list[Shard]] = defaultdict(list)
    waiting = []
    for shard in sorted(members, key=lambda each: each.position or 0, reverse=True):
        if shard.parent is None:
            waiting.append(shard)
        else:
            children[shard.parent].append(shard)
    ordered = []
    while waiting:
        shard = waiting.pop()
        ordered.append(shard)
        waiting += children[shard.node]
    return ordered
