"""Which topics and rights there must be, and what a cluster's differences are."""

from __future__ import annotations

from deploy.settings import load
from deploy.topics import READ_TOGETHER, FoundTopic, WantedTopic, acls, plan
from deploy.wiring import changelogs, every_topic, stages
from schemas.catalogue import load as load_catalogue
from schemas.topics import MODELS, RESOLVED, TOPICS
from streams.worker.topics import changelog_name

SETTINGS = load(environ={"TOUCHPATH_REPLICATION_FACTOR": "3", "TOUCHPATH_PARTITIONS": "12"}).settings
TOPIC = WantedTopic("a", 4, 1, {"retention.ms": "1000"}, "")


def test_every_declared_topic_and_every_changelog_is_wanted_with_the_same_partitions() -> None:
    wanted = {topic.name: topic for topic in every_topic(SETTINGS)}
    assert wanted.keys() == {topic.name for topic in TOPICS} | {
        changelog_name("touchpath", stage) for stage in ("resolve", "fold")
    }
    assert {topic.partitions for topic in wanted.values()} == {12}
    assert wanted["touchpath-fold-changelog"].config["cleanup.policy"] == "compact"
    assert wanted["touchpath.collected"].config["retention.ms"] == str(30 * 86_400_000)


def test_with_three_copies_a_write_needs_two_of_them() -> None:
    assert {topic.config.get("min.insync.replicas") for topic in every_topic(SETTINGS)} == {"2"}
    assert all("min.insync.replicas" not in topic.config for topic in every_topic(load(environ={}).settings))


def test_what_is_missing_is_created_and_what_is_there_is_not() -> None:
    there = FoundTopic("a", 4, 1, {"retention.ms": "1000"})
    assert plan([TOPIC], {}).create == (TOPIC,)
    assert plan([TOPIC], {"a": there}).create == ()
    assert plan([TOPIC], {"a": there}).differences == ()


def test_what_is_made_beside_a_topic_that_is_read_with_it_gets_as_many_partitions() -> None:
    together = {name: stage.input_topic for stage in stages(load_catalogue()) for name in stage.also_reads}
    assert together == READ_TOGETHER
    made = plan(every_topic(SETTINGS), {"touchpath.collected": FoundTopic("touchpath.collected", 8, 3)}).create
    eight = {topic.name for topic in made if topic.partitions == 8}
    assert eight == {"touchpath.identity", "touchpath-resolve-changelog"}
    assert {topic.partitions for topic in made} == {8, 12}


def test_a_topic_that_is_read_with_another_and_has_other_partitions_is_told_with_what_to_do() -> None:
    found = {name: FoundTopic(name, count, 3) for name, count in ((MODELS.name, 4), (RESOLVED.name, 8))}
    told = [one for one in plan(every_topic(SETTINGS), found).differences if one.setting == "partitions"]
    assert [(one.topic, one.wanted, one.found) for one in told] == [
        (RESOLVED.name, "12", "8"),
        (MODELS.name, "8", "4"),
    ]
    assert "touchpath attribution publish" in told[1].advice
    assert told[0].advice == ""


def test_settings_that_differ_are_reported_and_never_changed() -> None:
    made = plan([TOPIC], {"a": FoundTopic("a", 8, 2, {"retention.ms": "5"})})
    assert made.create == ()
    assert [(one.setting, one.wanted, one.found) for one in made.differences] == [
        ("partitions", "4", "8"),
        ("replication.factor", "1", "2"),
        ("retention.ms", "1000", "5"),
    ]


def test_a_setting_that_the_cluster_does_not_tell_is_no_difference() -> None:
    assert plan([TOPIC], {"a": FoundTopic("a", 4, 1, {})}).differences == ()


def test_each_part_may_write_and_read_what_the_topics_say_and_no_more() -> None:
    rights = acls("touchpath", changelogs(SETTINGS))
    of = {(acl.part, acl.name): acl.operations for acl in rights if acl.resource == "TOPIC"}
    for topic in TOPICS:
        assert {part for part, name in of if name == topic.name and "WRITE" in of[part, name]} == set(topic.writers)
        assert {part for part, name in of if name == topic.name and "READ" in of[part, name]} == set(topic.readers)
    assert of["worker", "touchpath-fold-changelog"] == ("WRITE", "READ", "DESCRIBE")


def test_the_worker_may_use_its_group_and_its_transactional_ids() -> None:
    rights = {(acl.part, acl.resource, acl.name, acl.pattern) for acl in acls("shop", changelogs(SETTINGS))}
    assert ("worker", "GROUP", "shop", "LITERAL") in rights
    assert ("worker", "TRANSACTIONAL_ID", "shop-", "PREFIXED") in rights
