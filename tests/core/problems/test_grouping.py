"""Problems with one cause at one store are one line."""

import pickle

from secretsync.core.errors import Problem, ProblemKind, ResolutionError
from secretsync.core.problems.grouping import problem_lines


def problems(kind: ProblemKind, count: int, cause: str = "refused", store: str | None = "aws") -> list[Problem]:
    """Problems of entries on consecutive lines; `{}` in the cause is the path of the secret."""
    return [
        Problem(
            kind=kind,
            key=f"KEY_{number}",
            file="env/test/security.env",
            line=number + 1,
            column=5,
            reference=f"{store}:prod/app{number}#password",
            store=store,
            cause=cause.format(f"prod/app{number}"),
            hint="ask the operator",
        )
        for number in range(count)
    ]


def test_a_store_that_is_down() -> None:
    """The line has the first place, the number of entries, the store, the first keys, the cause and the next step."""
    assert problem_lines(problems(ProblemKind.UNAVAILABLE, 1000)) == [
        "env/test/security.env:1:5: 1000 entries of aws (KEY_0, KEY_1, KEY_2 and 997 more): refused; ask the operator"
    ]
    assert problem_lines(problems(ProblemKind.DENIED, 2)) == [
        "env/test/security.env:1:5: 2 entries of aws (KEY_0, KEY_1): refused; ask the operator"
    ]


def test_causes_that_name_the_secret() -> None:
    """One denied right is one cause, also if the message of the store names each secret."""
    (line,) = problem_lines(problems(ProblemKind.DENIED, 50, "the role may not read arn:aws:secret:{}"))
    assert "50 entries of aws" in line
    assert "arn:aws:secret:prod/app0;" in line


def test_places_that_have_to_be_repaired_one_by_one() -> None:
    """Up to ten missing secrets are a line each; more of them are one line with ten names."""
    assert len(problem_lines(problems(ProblemKind.MISSING, 10))) == 10
    (line,) = problem_lines(problems(ProblemKind.MISSING, 11))
    assert "11 entries of aws (KEY_0, KEY_1, KEY_2, KEY_3, KEY_4, KEY_5, KEY_6, KEY_7, KEY_8, KEY_9 and 1 more)" in line


def test_different_causes_stay_apart() -> None:
    """Stores, kinds and causes are not mixed, and a problem without a store is a line of its own."""
    mixed = [
        *problems(ProblemKind.UNAVAILABLE, 3),
        *problems(ProblemKind.UNAVAILABLE, 3, store="vault"),
        *problems(ProblemKind.DENIED, 3),
        *problems(ProblemKind.UNAVAILABLE, 3, "throttled"),
    ]
    assert len(problem_lines(mixed)) == 4
    assert len(problem_lines(problems(ProblemKind.CONFIGURATION, 30, store=None))) == 30


def test_the_message_of_an_exception() -> None:
    """`str()` has a line for each cause, and `problems` has every problem, also after pickling."""
    error = ResolutionError(problems(ProblemKind.UNAVAILABLE, 1000))
    assert str(error).count("\n") == 0
    assert len(error.problems) == 1000
    assert str(pickle.loads(pickle.dumps(error))) == str(error)
