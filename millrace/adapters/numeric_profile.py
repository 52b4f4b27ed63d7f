"""What decides the last bits of computed numbers on this machine, found in milliseconds and without importing torch."""

import platform
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

_CPU_INFO = Path("/proc/cpuinfo")
_BF16_FEATURES = ("amx_bf16", "avx512_bf16")
_FP32_FEATURES = ("avx512f", "avx2")


@cache
def numeric_profile() -> str:
    """Data type / CPU feature / torch version, such as ``bf16/avx512_bf16/torch-2.13.0+cpu``.

    Vectors are equal bit for bit only within one profile. ``fp32/unknown/...`` where the CPU's features cannot be read.
    """
    dtype, feature = dtype_for(_cpu_flags())
    return f"{dtype}/{feature}/torch-{_torch_version()}"


def numeric_dtype() -> str:
    """``bf16`` where the CPU computes it natively, otherwise ``fp32``."""
    return numeric_profile().partition("/")[0]


def dtype_for(flags: frozenset[str]) -> tuple[str, str]:
    """The data type for a CPU with these feature flags, and the feature that decides how it computes."""
    for dtype, features in (("bf16", _BF16_FEATURES), ("fp32", _FP32_FEATURES)):
        for feature in features:
            if feature in flags:
                return dtype, feature
    return "fp32", "unknown"


def _cpu_flags() -> frozenset[str]:
    if platform.system() != "Linux" or not _CPU_INFO.exists():
        return frozenset()
    with _CPU_INFO.open(encoding="utf-8", errors="replace") as lines:
        for line in lines:
            if line.startswith("flags"):
                return frozenset(line.partition(":")[2].split())
    return frozenset()


def _torch_version() -> str:
    try:
        return version("torch")
    except PackageNotFoundError:
        return "none"
