"""What a release freezes, settled before any work: the run, the golden versions, the key, the tag, the gates."""

import tomllib
from pathlib import Path
from typing import Literal

from pydantic import Field

from blocks.signing_key import open_signer
from millrace.adapters.git import GitCheckout
from millrace.datasets.manifest import DatasetRef
from millrace.errors import BadInputError, NotFoundError
from millrace.ledger import pointers
from millrace.records.base import FileName, Identifier, Record
from millrace.records.golden import GoldenVersion, Semver
from millrace.records.release import GateCommand, GateResult, ReleaseTag
from tasks.distillations import find_distillation
from tasks.effect import effect
from tasks.golden import pointer_name, read_version
from tasks.home import Home
from tasks.release_gates import release_gates
from tasks.run import FlowConfig, Run, current_run

OWN_TESTS = ["make", "check"]
_OWN_CHECKOUT = Path(__file__).resolve().parents[1]
_SHOWN_FILES = 20


class ReleaseSettings(FlowConfig):
    """What is frozen, and what it must pass."""

    version: Semver = Field(description="Of the release, such as 1.0.0; a version is frozen once")
    distill_run: Identifier | None = Field(
        None, description="Run of `distill` to freeze; by default the newest that completed"
    )
    golden: list[FileName] = Field(["main"], description="Golden datasets whose active versions are frozen with it")
    repository: str | None = Field(None, description="Git checkout to tag; without one nothing is tagged")
    tag_prefix: str = Field("data-v", description="The tag is this and the version")
    tests: Literal["auto", "skip"] = Field(
        "auto", description="auto: Millrace's own tests must pass where the repository is the checkout that runs"
    )
    test_command: list[str] | None = Field(None, min_length=1, description="Instead of `make check`, in that checkout")
    gates: list[GateCommand] = Field(
        [], description="Commands of your own that must pass; one named acceptance, audit or tests takes its place"
    )


class FrozenGolden(Record):
    """A golden dataset's active version and the dataset of its rows."""

    about: GoldenVersion
    dataset: DatasetRef


class ReleasePlan(Record):
    """Everything that the outside world decided about a release, as it stood when the run began."""

    version: Semver
    distill_run: Identifier
    golden: list[FrozenGolden]
    gates: list[GateCommand]
    not_run: list[GateResult] = Field(description="Gates that have no command here, and why")
    repository: str | None
    tag: ReleaseTag | None
    key_id: str


@effect
def plan_release(settings: ReleaseSettings) -> ReleasePlan:
    """Settle what is frozen, and refuse what cannot go well: no key, a taken version or tag, a dirty repository."""
    run = current_run()
    if (release_folder(run.home, settings.version)).exists():
        raise BadInputError(
            f"release {settings.version} is frozen already, in {release_folder(run.home, settings.version)}: "
            "choose another version",
            version=settings.version,
        )
    key_id = open_signer(run.home.root).key_id
    checkout = GitCheckout(Path(settings.repository).expanduser()) if settings.repository is not None else None
    tests = own_tests_gate(settings, checkout.root if checkout else None, _OWN_CHECKOUT)
    command = tests if isinstance(tests, GateCommand) else None
    distill_run = find_distillation(run.home, settings.distill_run)
    gates = release_gates(distill_run, settings.gates, command)
    replaced = any(gate.name == tests.name for gate in settings.gates)
    return ReleasePlan(
        version=settings.version,
        distill_run=distill_run,
        golden=[_active_golden(run, name) for name in dict.fromkeys(settings.golden)],
        gates=gates,
        not_run=[tests] if isinstance(tests, GateResult) and not replaced else [],
        repository=str(checkout.root) if checkout else None,
        tag=_tag(checkout, settings) if checkout else None,
        key_id=key_id,
    )


def release_folder(home: Home, version: str) -> Path:
    """Where a release lies, or will."""
    return home.root / "releases" / version


def own_tests_gate(settings: ReleaseSettings, root: Path | None, own: Path) -> GateCommand | GateResult:
    """The command of Millrace's own tests, or why they are no gate.

    Args:
        root: the checkout to tag; None for none.
        own: the checkout that this code runs from.

    Raises:
        BadInputError: a test command is given, and nothing would run it.
    """
    if settings.tests == "skip":
        return GateResult(name="tests", status="skipped", reason="the settings say so")
    if root is None:
        reason = "no repository is tagged"
    elif root.resolve() != own or _project_name(root) != "millrace":
        reason = "the repository is not the checkout that Millrace runs from"
    else:
        return GateCommand(name="tests", argv=settings.test_command or OWN_TESTS, folder=str(root))
    if settings.test_command is not None:
        raise BadInputError(
            f"test_command: {reason}, so nothing would run it; put tests of your own into gates", field="test_command"
        )
    return GateResult(name="tests", status="not_applicable", reason=reason)


def _project_name(root: Path) -> str | None:
    try:
        project = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8")).get("project", {})
    except (OSError, ValueError):
        return None
    return str(project.get("name"))


def _active_golden(run: Run, name: str) -> FrozenGolden:
    active = pointers.pointer(run.home.ledger, pointer_name(name))
    if active is None:
        raise NotFoundError(
            f"golden: there is no golden dataset {name!r} in this home; an empty list freezes none", name=name
        )
    about = read_version(run, name, active.value["version"])
    return FrozenGolden(about=about, dataset=DatasetRef.model_validate(active.value["dataset"]))


def _tag(checkout: GitCheckout, settings: ReleaseSettings) -> ReleaseTag:
    name = settings.tag_prefix + settings.version
    checkout.check_tag_name(name)
    if dirty := checkout.dirty_files():
        more = f" and {len(dirty) - _SHOWN_FILES} more" if len(dirty) > _SHOWN_FILES else ""
        raise BadInputError(
            f"repository: {checkout.root} is not clean, so no commit says what is in it: "
            f"{', '.join(dirty[:_SHOWN_FILES])}{more}; commit, remove or ignore them (the home and the reports too, "
            "where they lie in it)",
            files=dirty,
        )
    if known := checkout.tag(name):
        raise BadInputError(
            f"repository: {checkout.root} has a tag {name} already, at {known.commit}; choose another version or "
            "tag_prefix",
            tag=name,
        )
    return ReleaseTag(name=name, commit=checkout.head())
