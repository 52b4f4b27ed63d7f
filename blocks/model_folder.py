"""Where a model's files lie: in a folder, or as a model hub has them."""

from functools import cache
from pathlib import Path

from millrace.errors import NotFoundError


def model_folder(model: str, revision: str | None, files: tuple[str, ...]) -> Path:
    """The folder with a model's files, fetched from the hub where they are not on this machine.

    Args:
        model: a folder, or an id on the hub such as owner/name.
        revision: branch, tag or commit on the hub; None for its main branch. A folder has none.
        files: patterns of the files that are needed.

    Raises:
        NotFoundError: no such folder or model, or ``HF_HUB_OFFLINE`` forbids to fetch it.
        UnavailableError: the hub does not answer.
    """
    folder = Path(model).expanduser()
    if folder.is_dir():
        return folder
    if model.count("/") != 1 or model.startswith(("/", ".", "~")):
        raise NotFoundError(f"no folder {model}, and an id on the hub has the form owner/name", model=model)
    return _from_hub(model, revision or "main", files)


@cache
def _from_hub(model: str, revision: str, files: tuple[str, ...]) -> Path:
    """Once per process: the hub is asked whether its branch moved."""
    from millrace.adapters.hhem import hub_folder

    return hub_folder(model, revision, files)
