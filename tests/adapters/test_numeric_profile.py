"""The numeric profile says how this machine computes, without loading what computes."""

import subprocess
import sys

import pytest

from millrace.adapters.numeric_profile import dtype_for, numeric_dtype, numeric_profile


@pytest.mark.parametrize(
    ("flags", "expected"),
    [
        ({"avx2", "avx512f", "avx512_bf16", "amx_bf16"}, ("bf16", "amx_bf16")),
        ({"avx2", "avx512f", "avx512_bf16"}, ("bf16", "avx512_bf16")),
        ({"avx2", "avx512f"}, ("fp32", "avx512f")),
        ({"avx2"}, ("fp32", "avx2")),
        (set(), ("fp32", "unknown")),
    ],
)
def test_the_data_type_follows_from_the_widest_feature(flags: set[str], expected: tuple[str, str]) -> None:
    assert dtype_for(frozenset(flags)) == expected


def test_the_profile_has_type_feature_and_torch_version() -> None:
    dtype, feature, library = numeric_profile().split("/")
    assert dtype == numeric_dtype()
    assert feature
    assert library.startswith("torch-")


def test_the_profile_does_not_import_torch() -> None:
    code = (
        "import sys; from millrace.adapters.numeric_profile import numeric_profile; numeric_profile(); "
        "sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
