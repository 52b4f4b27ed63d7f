"""The table of roles: which permission each holds (A18)."""

from typing import Self, get_args

from pydantic import model_validator

from millrace.records.base import Record
from millrace.records.governance import Permission, Role

_MAY_DELETE: frozenset[Role] = frozenset({"compliance_officer", "security_admin"})


class RoleTable(Record):
    """Every role with its permissions; a table that lacks a role, or lets others delete a user's data, is refused."""

    roles: dict[Role, frozenset[Permission]]

    def allows(self, role: Role, permission: Permission) -> bool:
        """Whether the role holds the permission."""
        return permission in self.roles[role]

    def holders(self, permission: Permission) -> list[Role]:
        """The roles that hold it, in the order of the table."""
        return [role for role, held in self.roles.items() if permission in held]

    @model_validator(mode="after")
    def _is_safe(self) -> Self:
        missing = [role for role in get_args(Role) if role not in self.roles]
        if missing:
            raise ValueError(f"roles without a line: {', '.join(missing)}")
        others = [role for role in self.holders("delete_user_data") if role not in _MAY_DELETE]
        if others:
            raise ValueError(f"only {' and '.join(sorted(_MAY_DELETE))} may delete_user_data, not {', '.join(others)}")
        nobody = [each for each in get_args(Permission) if not self.holders(each)]
        if nobody:
            raise ValueError(f"nobody holds {', '.join(nobody)}")
        return self
