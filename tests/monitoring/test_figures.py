"""The register of a day's figures."""

import re
from typing import get_args

from millrace.monitoring.figures import FIGURES, FigureGroup


def test_every_group_has_figures_and_every_name_begins_with_its_group() -> None:
    assert {figure.group for figure in FIGURES.values()} == set(get_args(FigureGroup))
    assert all(name.startswith(f"{figure.group}/") for name, figure in FIGURES.items())


def test_no_two_figures_share_a_name_in_prometheus() -> None:
    names = [figure.prometheus_name for figure in FIGURES.values()]
    assert len(set(names)) == len(names) >= 34


def test_names_follow_prometheus_conventions() -> None:
    for figure in FIGURES.values():
        assert re.fullmatch(r"millrace_[a-z][a-z0-9_]*", figure.prometheus_name)
        assert not figure.prometheus_name.endswith("_total")  # they can fall, so that none is a counter
        assert figure.unit != "ratio" or figure.prometheus_name.endswith("_ratio")
        assert figure.unit != "seconds" or figure.prometheus_name.endswith("_seconds")
