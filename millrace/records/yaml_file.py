"""Reads YAML that may be anybody's: whatever is wrong with it is an error of ours, and what it unfolds to is bounded.

A few lines of aliases can stand for more values than fit in memory (the "billion laughs"), and a value may hold itself.
So what a document would be with its aliases written out is measured before anything is made of it.
"""

from collections.abc import Iterator
from pathlib import Path

import yaml

from millrace.errors import BadInputError, NotFoundError

MAX_BYTES = 2**20
"""Of a file; the largest table that comes with Millrace has a twentieth of it."""

MAX_WRITTEN_OUT = 2**24
"""Of a document with its aliases written out: characters of its texts, and 64 more for each value."""

_OF_EACH_VALUE = 64
# What the loader's own constructors raise at a value that is not what its tag says: !!bool x is a KeyError.
_MALFORMED = (yaml.YAMLError, ValueError, TypeError, LookupError, AttributeError, ArithmeticError, RecursionError)


def read_yaml(path: Path, loader: type[yaml.SafeLoader] = yaml.SafeLoader) -> object:
    """What a file says.

    Raises:
        NotFoundError: no such file.
        BadInputError: it cannot be read, is no YAML, is too large, or holds what cannot be stored.
    """
    try:
        with path.open("rb") as stream:
            content = stream.read(MAX_BYTES + 1)
        if len(content) > MAX_BYTES:
            raise BadInputError(f"{path.name}: more than {MAX_BYTES} bytes; split it", file=path.name)
        text = content.decode()
    except FileNotFoundError as error:
        raise NotFoundError(f"no file {path.name}", file=path.name) from error
    except (OSError, ValueError) as error:
        raise BadInputError(f"{path.name}: cannot be read as YAML: {error}", file=path.name) from error
    return parse_yaml(text, path.name, loader)


def parse_yaml(text: str, name: str, loader: type[yaml.SafeLoader] = yaml.SafeLoader) -> object:
    """What a text says; ``name`` is what messages call it.

    Raises:
        BadInputError: as :func:`read_yaml`.
    """
    try:
        opened = loader(text)
        try:
            root = opened.get_single_node()
            _check_written_out(root)
            return None if root is None else opened.construct_document(root)
        finally:
            opened.dispose()
    except RecursionError as error:
        raise BadInputError(f"{name}: cannot be read as YAML: nested too deeply", file=name) from error
    except _MALFORMED as error:
        # Not every text has a UTF-8 form, and the loader's messages quote what they stumble over.
        said = str(error).encode(errors="backslashreplace").decode()
        raise BadInputError(f"{name}: cannot be read as YAML: {said[:1000]}", file=name) from error


def _check_written_out(root: yaml.Node | None) -> None:
    """Raises ValueError; without recursion, each value is looked at once."""
    sizes: dict[int, int] = {}
    entered: set[int] = set()
    waiting = [] if root is None else [root]
    while waiting:
        node = waiting[-1]
        if id(node) in sizes:
            waiting.pop()
        elif id(node) in entered:  # all that it holds is measured
            sizes[id(waiting.pop())] = size = _own_size(node) + sum(sizes[id(each)] for each in _held(node))
            if size > MAX_WRITTEN_OUT:
                raise ValueError("with its aliases written out it is too large")
        else:
            entered.add(id(node))
            for each in _held(node):
                if id(each) in entered and id(each) not in sizes:
                    raise ValueError("an alias names a value that it stands in")
                waiting.append(each)


def _own_size(node: yaml.Node) -> int:
    if not isinstance(node, yaml.ScalarNode):
        return _OF_EACH_VALUE
    node.value.encode()  # an escape can name half of a surrogate pair, which nothing can store
    return _OF_EACH_VALUE + len(node.value)


def _held(node: yaml.Node) -> Iterator[yaml.Node]:
    if isinstance(node, yaml.SequenceNode):
        yield from node.value
    elif isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            yield from (key, value)
