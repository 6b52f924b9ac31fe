"""References for Amazon ECS: the form of `valueFrom`, and what is refused."""

import json

import pytest

from tests.exporting.exports import exported, refusal

ARN = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:prod/app-AbCdEf"
PARAMETER = "arn:aws:ssm:eu-west-1:123456789012:parameter/prod/app"


@pytest.mark.parametrize(
    ("reference", "value_from"),
    [
        (f"aws:{ARN}", ARN),
        (f"aws:{ARN}#key", f"{ARN}:key::"),
        (f"aws:{ARN}#/key", f"{ARN}:key::"),
        (f"aws:{ARN}?stage=AWSPREVIOUS#key", f"{ARN}:key:AWSPREVIOUS:"),
        (f"aws:{ARN}?version=abc", f"{ARN}:::abc"),
        (f"aws:{ARN}?as=text", ARN),
        ("ssm:/prod/app", "/prod/app"),
        (f"ssm:{PARAMETER}", PARAMETER),
    ],
)
def test_a_reference_keeps_its_empty_parts(reference: str, value_from: str) -> None:
    """Write ARN, or ARN:field:stage:version."""
    written = exported({"security": f"KEY=$<{reference}>\n"}, to="ecs")
    (container,) = json.loads(written.text)["containerDefinitions"]
    assert container["secrets"] == [{"name": "KEY", "valueFrom": value_from}]


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ("$<aws:prod/app>", "complete ARN"),
        ("$<aws:arn:aws:secretsmanager:eu-west-1:123456789012:secret:prod/app>", "complete ARN"),
        (f"x$<aws:{ARN}>", "without text around it"),
        (f"$<aws:{ARN}>$<aws:{ARN}>", "without text around it"),
        (f"$<aws:{ARN}#/a/b>", "fields of the top level"),
        (f"$<aws:{ARN}#a:b>", "separates the parts"),
        (f"$<aws:{ARN}?as=base64>", "as=base64"),
        (f"$<aws:{ARN}?as=json>", "as=json"),
        (f"$<aws:{ARN}?as=url>", "as=url"),
        (f"$<aws:{ARN}?decode=base64>", "decode=base64"),
        (f"$<aws:{ARN}?version=a&stage=b>", "not both"),
        ("$<azure:x>", "but not of azure"),
        ("$<ssm:/app?version=3>", "the newest version"),
        ("$<ssm:/app?stage=live>", "the newest version"),
        ("$<ssm:/app#field>", "no field of a parameter"),
        ("$<ssm:/app?as=base64>", "as=base64"),
        ("$<vault:secret/app#x>", "but not of vault"),
    ],
)
def test_what_ecs_cannot_read_is_refused(value: str, reason: str) -> None:
    """Name the reason and the nearest way."""
    assert reason in refusal(value, to="ecs")


def test_each_service_is_a_container_with_all_that_it_sees() -> None:
    """Merge the shared entries with those of the service."""
    files = {
        "common": "A=1\nB=1\n",
        "security": f"S=$<aws:{ARN}>\n",
        "web": f"B=2\nS=$<aws:{ARN}#web>\n",
        "job": "C=3\n",
    }
    job, web = json.loads(exported(files, to="ecs").text)["containerDefinitions"]
    assert web == {
        "name": "web",
        "environment": [{"name": "A", "value": "1"}, {"name": "B", "value": "2"}],
        "secrets": [{"name": "S", "valueFrom": f"{ARN}:web::"}],
    }
    assert [one["name"] for one in job["environment"]] == ["A", "B", "C"]


def test_a_refused_entry_of_a_service_hides_the_shared_one() -> None:
    """Do not give a service the shared value of a key that its own file defines."""
    files = {"common": "A=1\n", "web": "A=x$<aws:one>\nB=${HOST}\n"}
    written = exported(files, to="ecs")
    (web,) = json.loads(written.text)["containerDefinitions"]
    assert web["environment"] == []
    assert [problem.key for problem in written.problems] == ["A", "B"]
