"""Puts near-duplicate questions into one group, and each group into eval or train for good (A32)."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from millrace.datasets.canonical import sha256_json
from millrace.errors import BadInputError
from millrace.golden.similarity import QuestionVectors
from millrace.golden.versions import version_key
from millrace.methods.near_duplicates import near_duplicate_groups
from millrace.records.golden import GoldenRow, Split


@dataclass(frozen=True)
class Membership:
    """A row's group and its side."""

    group: str
    split: Split


@dataclass
class GroupAssignment:
    """Where each new item belongs, by its position, and what could not be kept apart."""

    of: dict[int, Membership] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)


def assign_groups(
    old: Sequence[GoldenRow],
    fresh: Mapping[int, str],
    vectors: QuestionVectors,
    min_cosine: float,
    eval_fraction: float,
) -> GroupAssignment:
    """Assign new questions to groups; no old row changes its group or side.

    New questions that are near to each other, directly or through others, stay together. If one of them is near to an
    old row they all join its group; if they touch several, the one that came first, with a warning when that leaves
    near questions on both sides. Otherwise they are a new group, whose side is drawn by the hash of its first question.

    Args:
        old: rows at positions 0 to n_old - 1 of ``vectors``.
        fresh: question by position in ``vectors``.
        min_cosine: from which questions are near.
        eval_fraction: expected share of new groups that go to eval.

    Raises:
        BadInputError: a group of ``old`` lies on both sides.
    """
    _check_sides(old)
    assignment = GroupAssignment()
    for members in _components(sorted(fresh), vectors, min_cosine):
        near = [place for each in members for place in vectors.near(each, range(len(old)), min_cosine)]
        touched = _oldest_first([old[place] for place in near])
        questions = sorted(fresh[each] for each in members)
        membership = touched[0] if touched else new_group(questions[0], eval_fraction)
        if len({each.split for each in touched}) > 1:
            others = ", ".join(each.group for each in touched if each.split != membership.split)
            assignment.warnings.append(
                f"{questions[0]!r} joins {membership.group} ({membership.split}) and is also near to {others}"
            )
        assignment.of.update(dict.fromkeys(members, membership))
    assignment.warnings.sort()
    return assignment


def new_group(question: str, eval_fraction: float) -> Membership:
    """The group that begins with this question, and its side."""
    group = f"near-{sha256_json(['near_duplicate_group', question])[:16]}"
    drawn = int(sha256_json(["split", group])[:8], 16) / 2**32
    return Membership(group, "eval" if drawn < eval_fraction else "train")


def _check_sides(old: Sequence[GoldenRow]) -> None:
    sides: dict[str, Split] = {}
    for row in old:
        if sides.setdefault(row.near_duplicate_group, row.split) != row.split:
            raise BadInputError(
                f"group {row.near_duplicate_group} of the previous version lies in eval and in train",
                group=row.near_duplicate_group,
            )


def _oldest_first(rows: Sequence[GoldenRow]) -> list[Membership]:
    """The rows' groups, each once; the earliest version first, ties by name."""
    ages = sorted((version_key(row.added_in), row.near_duplicate_group, row.split) for row in rows)
    return list(dict.fromkeys(Membership(group, split) for _, group, split in ages))


def _components(items: Sequence[int], vectors: QuestionVectors, min_cosine: float) -> list[list[int]]:
    """Items linked by nearness, directly or through others."""
    members: dict[int, list[int]] = defaultdict(list)
    for item, label in zip(items, near_duplicate_groups(vectors.of_questions(items), min_cosine), strict=True):
        members[int(label)].append(item)
    return list(members.values())
