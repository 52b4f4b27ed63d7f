"""Publishes the exports of a distillation as files."""

from functools import partial

from pydantic import Field

from millrace.datasets.manifest import DatasetRef
from millrace.distillation.config import ExportConfig
from millrace.distillation.dataset_card import ExportAbout, dataset_card
from millrace.distillation.export_files import ExportedFile, write_exports
from millrace.distillation.wall_proof import check_exports
from millrace.records.base import Record
from millrace.records.evidence import Export
from millrace.records.source import SourceRef
from tasks.effect import effect
from tasks.parts import read_dataset
from tasks.processes import taking_turns
from tasks.run import current_run, log
from tasks.training_data import known_files_of, scored_evidence

EXPORTS_FOLDER, LOCK_FILE = "exports", "exports.lock"


class PublishedExports(Record):
    """Every file of a run's exports, sorted by name; names are paths below the home."""

    folder: str = Field(description="Path below the home")
    files: list[ExportedFile] = Field(description="Data files and cards")


@effect
def publish_exports(
    rag: DatasetRef,
    sft: DatasetRef,
    preference: DatasetRef,
    about: ExportAbout,
    config: ExportConfig,
    known_files: SourceRef | None,
) -> PublishedExports:
    """Write the exports under ``exports/<run id>/``, read every data file again, and let the folder appear whole.

    Args:
        config, known_files: what the exports were made with.

    Raises:
        LeakError: a file holds a row that must not be there; nothing is published.
    """
    run = current_run()
    refs: dict[Export, DatasetRef] = {"rag": rag, "sft": sft, "preference": preference}
    name = f"{EXPORTS_FOLDER}/{run.run_id}"
    wall = partial(
        check_exports,
        judged=scored_evidence(about.evidence, about.scores, about.contamination),
        config=config,
        known_files=None if known_files is None else known_files_of(known_files),
        workers=run.workers,
    )
    with taking_turns(run.home.run_folder(run.run_id) / LOCK_FILE):
        files = write_exports(
            run.home.root / name,
            {export: read_dataset(ref).parts() for export, ref in refs.items()},
            card=lambda written: dataset_card(written, refs[written.export], about),
            check=wall,
            workers=1 if run.workers == 1 else len(refs),
        )
    log().info("published %d files under %s", len(files), name)
    return PublishedExports(
        folder=name, files=[file.model_copy(update={"name": f"{name}/{file.name}"}) for file in files]
    )
