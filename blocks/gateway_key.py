"""Where a gateway's key comes from: the environment, a mounted file, and only then a saved block."""

import os
from pathlib import Path

from pydantic import SecretStr

from millrace.errors import BadInputError

KEY_VARIABLES = ("MILLRACE_GATEWAY_KEY", "OPENAI_API_KEY")
KEY_FILE_VARIABLE = "MILLRACE_GATEWAY_KEY_FILE"


def gateway_key(saved: SecretStr | None = None, variables: tuple[str, ...] = KEY_VARIABLES) -> SecretStr:
    """The first key found: in the variables in turn, in the file that MILLRACE_GATEWAY_KEY_FILE names, in the block.

    Raises:
        BadInputError: there is none, or the file cannot be read; the message names the places, never a key.
    """
    found = next((os.environ[name].strip() for name in variables if os.environ.get(name, "").strip()), None)
    found = found or _key_in_file() or (saved.get_secret_value().strip() if saved else None)
    if not found:
        raise BadInputError(
            f"no key for the gateway: set {' or '.join(variables)}, or {KEY_FILE_VARIABLE} to the path of a file with "
            "it; a gateway that wants no key takes any text",
            variables=list(variables),
        )
    if not (found.isascii() and found.isprintable()):
        raise BadInputError("the gateway's key holds characters that no HTTP header can carry: is it the right file?")
    return SecretStr(found)


def _key_in_file() -> str | None:
    path = os.environ.get(KEY_FILE_VARIABLE)
    if not path:
        return None
    try:
        return Path(path).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        reason = type(error).__name__  # the text of a decoding error quotes what it read
        raise BadInputError(f"{KEY_FILE_VARIABLE} names {path}, which cannot be read: {reason}") from None
