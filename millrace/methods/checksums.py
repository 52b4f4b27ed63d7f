"""Checks that tell a number of a kind from one that only looks like it."""

import ipaddress
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Literal

ChecksumName = Literal["luhn", "iban_mod97", "ssn_ranges", "ip_address"]

_IBAN_COUNTRIES = {
    15: "NO",
    16: "BE",
    18: "DK FI FK FO GL NL SD",
    19: "MK SI",
    20: "AT BA EE KZ LT LU MN XK",
    21: "CH HR LI LV",
    22: "BG BH CR DE GB GE IE ME RS VA",
    23: "AE GI IL IQ OM SO TL",
    24: "AD CZ ES MD PK RO SA SE SK TN VG",
    25: "LY PT ST",
    26: "IS TR",
    27: "BI DJ FR GR IT MC MR SM",
    28: "AL AZ BY CY DO GT HN HU LB NI PL SV",
    29: "BR EG PS QA UA",
    30: "JO KW MU YE",
    31: "MT SC",
    32: "LC",
    33: "RU",
}
_IBAN_LENGTHS = {country: length for length, names in _IBAN_COUNTRIES.items() for country in names.split()}
_DOUBLED = (0, 2, 4, 6, 8, 1, 3, 5, 7, 9)


def luhn(text: str) -> bool:
    """Payment card numbers: 12 to 19 digits whose weighted sum is a multiple of 10.

    Source: ISO/IEC 7812-1, annex B.
    """
    digits = _digits(text)
    total = sum(digits[-1::-2]) + sum(_DOUBLED[digit] for digit in digits[-2::-2])
    return 12 <= len(digits) <= 19 and total % 10 == 0 and any(digits)


def iban_mod97(text: str) -> bool:
    """International bank account numbers: the country's length, and remainder 1 modulo 97.

    Source: ISO 13616-1 with ISO/IEC 7064 MOD 97-10; lengths from the IBAN registry.
    """
    compact = text.replace(" ", "").upper()
    if _IBAN_LENGTHS.get(compact[:2]) != len(compact) or not (compact.isascii() and compact.isalnum()):
        return False
    return int("".join(str(int(char, 36)) for char in compact[4:] + compact[:4])) % 97 == 1


def ssn_ranges(text: str) -> bool:
    """US social security numbers: area not 000, 666 or 900 to 999; group not 00; serial not 0000.

    Source: Social Security Administration, POMS RM 10201.035.
    """
    number = "".join(str(digit) for digit in _digits(text))
    area, group, serial = number[:3], number[3:5], number[5:]
    return len(number) == 9 and area not in ("000", "666") and area < "900" and group != "00" and serial != "0000"


def ip_address(text: str) -> bool:
    """Addresses that can point at a machine: parsed by RFC 4291 rules, neither loopback, unspecified nor reserved.

    Network masks such as 255.255.255.0 lie in the reserved block 240.0.0.0/4 (RFC 1112).
    """
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return False
    reserved = address.version == 4 and address.is_reserved
    return not (address.is_loopback or address.is_unspecified or reserved)


def _digits(text: str) -> list[int]:
    return [int(char) for char in text if "0" <= char <= "9"]


CHECKSUMS: Mapping[ChecksumName, Callable[[str], bool]] = MappingProxyType(
    {"luhn": luhn, "iban_mod97": iban_mod97, "ssn_ranges": ssn_ranges, "ip_address": ip_address}
)
