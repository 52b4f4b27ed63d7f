"""The house keeps its own rules: imports point down, configs parse, names agree, nothing tells where it was written."""

import importlib
import re
import subprocess
import tomllib
from importlib.metadata import version
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement

from millrace.records.rules import read_rules  # noqa: F401
from tasks.ingestion import bundled_mapping
from tasks.tables import groundedness_model, injection_rules, redaction_rules, triage_rules
