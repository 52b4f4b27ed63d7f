from typing import get_args

import pytest
from pydantic import ValidationError

from millrace.governance.roles import RoleTable
from millrace.records.governance import Permission
from tasks.tables import role_table

SHIPPED = {role: sorted(held) for role, held in role_table().roles.items()}


def test_the_shipped_table_has_five_roles_and_thirteen_permissions() -> None:
    table = role_table()
    assert len(table.roles) == 5
    assert len(get_args(Permission)) == 13
    assert table.holders("delete_user_data") == ["compliance_officer", "security_admin"]
    assert table.holders("manage_reviewers") == ["security_admin"]
    assert table.allows("compliance_officer", "approve_week")
    assert not table.allows("annotator", "approve_week")


@pytest.mark.parametrize("role", ["viewer", "annotator", "pipeline_worker"])
def test_nobody_else_may_delete_a_users_data(role: str) -> None:
    with pytest.raises(ValidationError, match=f"delete_user_data, not {role}"):
        RoleTable.model_validate({"roles": SHIPPED | {role: [*SHIPPED[role], "delete_user_data"]}})


def test_a_table_without_a_role_or_with_a_permission_that_nobody_holds_is_refused() -> None:
    with pytest.raises(ValidationError, match="roles without a line: viewer"):
        RoleTable.model_validate({"roles": {name: held for name, held in SHIPPED.items() if name != "viewer"}})
    without = {name: [each for each in held if each != "manage_reviewers"] for name, held in SHIPPED.items()}
    with pytest.raises(ValidationError, match="nobody holds manage_reviewers"):
        RoleTable.model_validate({"roles": without})
