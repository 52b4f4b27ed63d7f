"""Checksums accept the standards' own examples and refuse every single changed digit."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from millrace.methods.checksums import iban_mod97, ip_address, luhn, ssn_ranges


def test_luhn_worked_by_hand() -> None:
    # 79927398713 from the right: 3+(2)+7+(16-9)+9+(6)+7+(4)+9+(18-9)+7 = 70; eleven digits are too few for a card,
    # so a zero is put in front, which changes no sum.
    assert luhn("079927398713")
    assert not luhn("079927398714")


@given(st.integers(0, 15), st.integers(1, 9))
def test_luhn_refuses_a_changed_digit(place: int, change: int) -> None:
    digits = list("4111111111111111")
    digits[place] = str((int(digits[place]) + change) % 10)

    assert not luhn("".join(digits))


def test_luhn_refuses_zeros_and_wrong_lengths() -> None:
    assert not luhn("0" * 16)
    assert not luhn("18")


@pytest.mark.parametrize("iban", ["GB82 WEST 1234 5698 7654 32", "de89370400440532013000", "NO9386011117947"])
def test_iban_examples_of_the_standard(iban: str) -> None:
    assert iban_mod97(iban)


def test_iban_refuses_swapped_digits_and_wrong_lengths() -> None:
    assert not iban_mod97("GB82 WEST 1234 5698 7654 23")
    assert not iban_mod97("GB82")
    assert not iban_mod97("GB82 WEST 1234 5698 7654 3²")


def test_iban_refuses_another_length_that_leaves_remainder_one() -> None:
    # All-zero accounts: the check digits follow from "DE00" behind the zeros, 131400 % 97 = 62, 98 - 62 = 36.
    assert iban_mod97("DE36" + "0" * 18)
    assert not iban_mod97("DE36" + "0" * 16)


@pytest.mark.parametrize(
    ("number", "given_out"),
    [
        ("219-09-9999", True),
        ("899-12-3456", True),
        ("000-12-3456", False),
        ("666-12-3456", False),
        ("900-12-3456", False),
        ("123-00-3456", False),
        ("123-45-0000", False),
        ("123-45-678", False),
    ],
)
def test_ssn_ranges(number: str, given_out: bool) -> None:
    assert ssn_ranges(number) is given_out


@pytest.mark.parametrize(
    ("address", "points_at_a_machine"),
    [("203.0.113.7", True), ("2001:db8::1", True), ("127.0.0.1", False), ("::1", False), ("0.0.0.0", False),  # noqa: S104
     ("256.1.1.1", False), ("12:30:45", False), ("255.255.255.0", False), ("240.0.0.1", False)],
)  # fmt: skip
def test_ip_addresses(address: str, points_at_a_machine: bool) -> None:
    assert ip_address(address) is points_at_a_machine
