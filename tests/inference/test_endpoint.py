"""The teacher behind HTTP: every answer that can be had is had, once; what cannot is said."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from bot.config.load import load_recipe
from bot.config.recipe import TeacherRecipe
from bot.core.errors import UserError
from bot.inference import engine_openai as module
from bot.inference.engine import Request, Response
from bot.inference.engine_openai import OpenAIEngine
from bot.inference.teacher import open_teacher
from tests import ROOT
from tests.helpers.faulty_endpoint import PASSING, Call, Endpoint, Fault, echo, endpoint, once, silent


@pytest.fixture(autouse=True)
def _soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """Waits as short as they are long otherwise."""
    monkeypatch.setattr(module, "FIRST_WAIT_S", 0.01)


def ask(served: Endpoint, count: int = 6, *, begin: str = "", **settings: object) -> list[Response]:
    requests = [Request((("user", str(n)),), 20, 0.7, begin=begin) for n in range(count)]
    teacher = OpenAIEngine(served.url, "teacher", "key", timeout_s=1.0, **settings)  # type: ignore[arg-type]
    return sorted(teacher.complete(requests), key=lambda response: response.index)


@pytest.mark.parametrize("name", PASSING)
def test_what_passes_loses_nothing_and_doubles_nothing(name: str) -> None:
    with endpoint(once(PASSING[name])) as served:
        found = ask(served)
    assert [(one.index, one.text, one.failure) for one in found] == [(n, f"to {n}", "") for n in range(6)]
    assert set(served.calls.values()) == {2}


@pytest.mark.parametrize(
    ("name", "fault", "why"),
    [
        ("500 for ever", lambda call: call.refuse(500), "the teacher returned 500, 5 times"),
        ("400", lambda call: call.refuse(400), "the teacher returned 400: "),
        ("ten megabytes", lambda call: call.answer("x" * 10_000_000), "the answer has 10,000,000 characters"),
    ],
)
def test_what_cannot_be_had_is_said_and_the_rest_is_there(name: str, fault: Fault, why: str) -> None:
    with endpoint(lambda call: fault(call) if call.prompt == "3" else echo(call)) as served:
        found = ask(served)
    assert [one.text for one in found] == ["to 0", "to 1", "to 2", "", "to 4", "to 5"]
    assert found[3].failure.startswith(why)
    assert not found[3].finished


def test_a_recipe_without_a_url_uses_that_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    shipped = load_recipe(ROOT / "arborist.yaml")
    recipe = replace(shipped, teacher=TeacherRecipe("openai", "echo"))
    monkeypatch.delenv("ARBORIST_TEACHER_URL", raising=False)
    with pytest.raises(UserError, match=r"teacher\.url: not set, and neither is ARBORIST_TEACHER_URL; set"):
        open_teacher(recipe)
    with endpoint(echo) as served:
        monkeypatch.setenv("ARBORIST_TEACHER_URL", served.url)
        engine = open_teacher(recipe)
        assert [answer.failure for answer in engine.complete([Request((("user", "Hi"),), 4, 0.0)])] == [""]
        engine.close()


def test_an_endpoint_that_is_down_is_not_asked_for_ever() -> None:
    with endpoint(lambda call: call.refuse(500)) as served:
        found = ask(served, 200)
    assert len(found) == 200
    assert all(one.failure for one in found)
    assert "8 requests in a row failed; the teacher returned 500" in found[-1].failure
    assert sum(served.calls.values()) < 150


def test_where_nothing_listens_that_is_what_is_said() -> None:
    with endpoint(echo) as served:
        pass
    found = ask(served, 2)
    assert "the connection failed" in found[0].failure


@pytest.mark.parametrize(
    ("status", "words"), [(401, "OPENAI_API_KEY"), (403, "OPENAI_API_KEY"), (404, "the model.s name")]
)
def test_what_is_wrong_for_all_ends_at_once(status: int, words: str) -> None:
    with endpoint(lambda call: call.refuse(status)) as served, pytest.raises(UserError, match=words):
        ask(served, 50)
    assert sum(served.calls.values()) < 50


def test_as_long_as_the_endpoint_says_it_is_left_alone() -> None:
    start = time.monotonic()
    with endpoint(once(lambda call: call.refuse(429, Retry_After="1"))) as served:
        ask(served, 1)
    assert time.monotonic() - start > 1


def test_a_budget_ends_the_asking_and_says_so() -> None:
    with endpoint(echo) as served:
        found = ask(served, 100, budget=200, most=2)
    had = [one for one in found if not one.failure]
    assert 0 < len(had) < 30
    assert found[-1].failure == "the budget of 200 tokens is spent"


def slow(call: Call) -> None:
    time.sleep(0.02)
    echo(call)


def test_more_are_under_way_as_long_as_that_is_faster_and_never_more_than_allowed() -> None:
    with endpoint(slow) as served:
        ask(served, 400, most=32)
    assert 16 < served.most <= 32


def test_an_endpoint_that_has_too_much_is_given_less() -> None:
    under_way = 0

    def narrow(call: Call) -> None:
        nonlocal under_way
        under_way += 1
        time.sleep(0.02)
        if under_way > 4:
            call.refuse(429)
        else:
            echo(call)
        under_way -= 1

    with endpoint(narrow) as served:
        found = ask(served, 200, most=64)
    assert not any(one.failure for one in found)
    assert sum(served.calls.values()) < 300


def test_one_that_refuses_all_is_known_after_the_waits_of_one_request(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "FIRST_WAIT_S", 0.05)
    longest = 1.5 * sum(0.05 * 2**number for number in range(module.TRIES))
    started = time.monotonic()
    with endpoint(lambda call: call.refuse(429)) as served:
        found = ask(served, 60)
    assert all("the teacher returned 429" in one.failure for one in found)
    assert time.monotonic() - started < 10 * longest


@pytest.mark.parametrize("continues", [True, False])
def test_an_answer_goes_on_from_its_beginning(continues: bool) -> None:
    def answer(call: Call) -> None:
        call.answer(" is Fernlow.\nAnd more" if continues else "The town is Fernlow.\nAnd more")

    with endpoint(answer) as served:
        [one] = ask(served, 1, begin="The town", continues=continues)
    assert one.text == "The town is Fernlow."
    body = served.bodies[0]
    assert body["stop"] == ["\n"]
    if continues:
        assert body["messages"][-1] == {"role": "assistant", "content": "The town"}
        assert body["continue_final_message"] is True
    else:
        assert body["messages"][-1]["content"].endswith("Begin your answer with: The town")


def test_an_answer_that_was_cut_at_its_length_is_not_finished() -> None:
    with endpoint(lambda call: call.answer("and so", "length")) as served:
        [one] = ask(served, 1)
    assert (one.text, one.finished) == ("and so", False)


def test_no_seed_is_sent_with_a_request() -> None:
    with endpoint(echo) as served:
        ask(served, 1)
    assert "seed" not in served.bodies[0]


def test_closed_while_it_is_asked_it_says_so_at_once_and_asked_again_it_starts_anew() -> None:
    with endpoint(lambda call: silent(3)(call) if call.number == 1 else echo(call)) as served:
        teacher = OpenAIEngine(served.url, "teacher", timeout_s=10.0)
        ended: list[object] = []

        def wait() -> None:
            try:
                ended.extend(teacher.complete([Request((("user", "1"),), 20, 0.7)]))
            except UserError as error:
                ended.append(str(error))

        waiting = threading.Thread(target=wait)
        waiting.start()
        while not served.calls:
            time.sleep(0.01)
        started = time.monotonic()
        teacher.close()
        waiting.join()
        assert time.monotonic() - started < 10
        assert ended == ["the teacher was closed"]
        [again] = teacher.complete([Request((("user", "1"),), 20, 0.7)])
        assert again.text == "to 1"
        teacher.close()


def test_several_threads_share_its_width() -> None:
    with endpoint(echo) as served:
        teacher = OpenAIEngine(served.url, "teacher", most=3)
        with ThreadPoolExecutor(4) as pool:
            calls = [pool.submit(lambda: list(teacher.complete(ten("x")))) for _ in range(4)]
            assert all(len(call.result()) == 10 for call in calls)
        assert served.most <= 3
        teacher.close()


def test_what_is_nearly_done_goes_before_what_has_much_left() -> None:
    begun = threading.Event()

    def slow(call: Call) -> None:
        begun.set()
        time.sleep(0.02)
        echo(call)

    with endpoint(slow) as served, ThreadPoolExecutor(2) as pool:
        teacher = OpenAIEngine(served.url, "teacher", most=1)
        much = pool.submit(lambda: list(teacher.complete(ten("much"))))
        begun.wait(5)
        little = pool.submit(lambda: list(teacher.complete(ten("little")[:2])))
        assert (len(much.result()), len(little.result())) == (10, 2)
        teacher.close()
    order = [body["messages"][-1]["content"] for body in served.bodies]
    assert order.index("little1") < order.index("much7")


def ten(text: str) -> list[Request]:
    return [Request((("user", f"{text}{n}"),), 20, 0.7) for n in range(10)]
