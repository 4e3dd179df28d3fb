"""Who is in a group of workers, as Kafka describes it."""

from __future__ import annotations

import pytest
from aiokafka.errors import GroupAuthorizationFailedError
from aiokafka.protocol.admin import DescribeGroupsResponse_v3

from deploy.catalogue_workers import members_in


def described(error: int, *client_ids: str) -> DescribeGroupsResponse_v3:
    members = [(f"member-{n}", client_id, "/127.0.0.1", b"", b"") for n, client_id in enumerate(client_ids)]
    return DescribeGroupsResponse_v3(0, [(error, "touchpath", "Stable", "consumer", "faust", members, 0)])


def test_members_are_told_by_the_names_that_they_gave_themselves() -> None:
    assert members_in([described(0, "touchpath.ab12", "touchpath.cd34")]) == ["touchpath.ab12", "touchpath.cd34"]
    assert members_in([described(0)]) == []


def test_a_group_that_nobody_may_look_into_is_not_taken_for_an_empty_one() -> None:
    with pytest.raises(GroupAuthorizationFailedError, match="who is in the group touchpath"):
        members_in([described(30)])
