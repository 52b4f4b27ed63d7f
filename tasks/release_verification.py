"""Whether what a release rests on is still what was written: receipts, datasets, exports, golden versions."""

from collections.abc import Iterator
from time import perf_counter

from millrace.datasets.manifest import DatasetRef
from millrace.datasets.store import kind_of
from millrace.errors import BadInputError, MillraceError
from millrace.golden.files import ROWS_FILE, version_files
from millrace.ledger.catalogue import is_buried
from millrace.records.release import GateResult
from millrace.releases.files import digest_of
from millrace.reports.wording import counted
from tasks.effect import effect
from tasks.golden import read_version
from tasks.receipts import run_hash
from tasks.release_contents import exported_files, run_files
from tasks.release_plan import FrozenGolden, ReleasePlan
from tasks.run import Run, current_run

_SHOWN_PROBLEMS = 20


@effect
def check_distillation(plan: ReleasePlan) -> GateResult:
    """Hash again whatever the release rests on: receipts, datasets, export files, golden versions."""
    run, start = current_run(), perf_counter()
    problems = list(_problems(run, plan))
    reason = f"{counted(len(problems), 'difference')}: {problems[0]}" if problems else None
    return GateResult(
        name="verify",
        status="failed" if problems else "passed",
        reason=reason,
        output=problems[:_SHOWN_PROBLEMS],
        duration_s=perf_counter() - start,
    )


def _problems(run: Run, plan: ReleasePlan) -> Iterator[str]:
    """What is not as it was written, in words."""
    try:
        receipts, summary = run_files(run.home, plan.distill_run)
        exported = list(exported_files(receipts))
    except (MillraceError, OSError, ValueError) as error:
        yield f"the receipts of {plan.distill_run} cannot be read: {error}"
        return
    if summary.run_hash != run_hash(receipts):
        yield f"the receipts of {plan.distill_run} make another run hash than its summary says"
    names = dict.fromkeys(name for each in receipts for name in (*each.inputs, *each.outputs))
    names |= dict.fromkeys(each.dataset.name for each in plan.golden)
    for name in names:
        yield from _dataset_problems(run, name)
    for name, file in exported:
        path = run.home.root / file["name"]
        try:
            found = digest_of(path)
        except BadInputError as error:
            yield str(error)
            continue
        if found != (file["sha256"], file["n_bytes"]):
            yield f"{name}: expected {file['sha256']} ({file['n_bytes']} bytes), found {found[0]} ({found[1]} bytes)"
    for each in plan.golden:
        yield from _golden_problems(run, each)


def _dataset_problems(run: Run, name: str) -> Iterator[str]:
    kind, _, digest = name.partition(":")
    if is_buried(run.home.ledger, digest):
        yield f"{name} was erased since: distil again, and freeze that"
        return
    try:
        run.home.datasets.open(DatasetRef(kind=kind, content_hash=digest, rows=0)).verify()
    except MillraceError as error:
        yield str(error)


def _golden_problems(run: Run, golden: FrozenGolden) -> Iterator[str]:
    """The version's files against its dataset; rows written under an older schema are only counted."""
    about = golden.about
    folder = run.home.root / "golden" / about.name / about.version
    try:
        dataset = run.home.datasets.open(golden.dataset)
        expected = version_files(read_version(run, about.name, about.version), dataset.to_arrow())
        if dataset.manifest.schema_version == kind_of("golden").version:
            same = (folder / ROWS_FILE).read_bytes() == expected[ROWS_FILE]
        else:
            same = len((folder / ROWS_FILE).read_bytes().splitlines()) == golden.dataset.rows
    except (MillraceError, OSError, ValueError) as error:
        yield f"golden dataset {about.name} {about.version} cannot be read: {error}"
        return
    if not same:
        yield f"{folder / ROWS_FILE} does not hold the rows of {golden.dataset.name}"
