"""What every teacher does, whichever engine runs it: one model, three engines, each of them real."""

import dataclasses
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from bot.config.load import load_recipe
from bot.config.recipe import Recipe, TeacherRecipe
from bot.core.errors import UserError
from bot.core.store import Store
from bot.generate.inputs import samples_inputs
from bot.generate.leaves import check_complete, generate_leaf
from bot.inference.engine import Engine, Request, Response
from bot.inference.teacher import open_teacher
from bot.inference.teacher_server import TEACHER_URL
from tests import ROOT
from tests.helpers.leaves import knowledge
from tests.helpers.vllm_server import Served, serving

ENGINES = ("transformers", "vllm", "openai")


@pytest.fixture(scope="module")
def server() -> Iterator[Served]:
    with serving() as served:
        yield served


@pytest.fixture(scope="module", params=ENGINES)
def recipe(request: pytest.FixtureRequest) -> Recipe:
    """The shipped recipe with the embedded model behind one of the engines."""
    stated = TeacherRecipe(request.param, "embedded", batch=24)
    if request.param == "openai":
        url = request.getfixturevalue("server").url
        stated = TeacherRecipe("openai", "embedded", url=url, continues=True, structured=True)
    shipped = load_recipe(ROOT / "arborist.yaml")
    generate = dataclasses.replace(shipped.generate, samples=3, batches=2)
    return dataclasses.replace(shipped, teacher=stated, generate=generate)


@pytest.fixture(scope="module")
def teacher(recipe: Recipe) -> Engine:
    return open_teacher(recipe)


def ask(teacher: Engine, *questions: str, most: int = 12, **more: object) -> list[Response]:
    more = {"temperature": 0.0, **more}
    requests = [Request((("user", q),), most, **more) for q in questions]  # type: ignore[arg-type]
    return sorted(teacher.complete(requests), key=lambda response: response.index)


def test_it_answers_through_the_chat_template(teacher: Engine) -> None:
    [rome, day] = ask(teacher, "What is the capital of Italy?", "How many days are there in a week?", most=24)
    assert "Rome" in rome.text
    assert "seven" in day.text.lower() or "7" in day.text
    assert not rome.failure and 0 < rome.tokens <= 24


def test_it_says_whether_an_answer_came_to_its_end(teacher: Engine) -> None:
    [whole] = ask(teacher, "What is the capital of Italy?", most=40)
    [cut] = ask(teacher, "Tell me the story of the Roman empire.", most=5)
    assert whole.finished and not cut.finished
    assert cut.tokens == 5


def test_it_goes_on_from_a_beginning_on_one_line(teacher: Engine) -> None:
    for answer in ask(teacher, "Say hello.", "Name three fruits.", begin="Well, the", temperature=0.7):
        assert answer.text.startswith("Well, the")
        assert "\n" not in answer.text


def test_it_sees_the_turns_before_the_last(teacher: Engine) -> None:
    turns = (
        ("system", "You answer with one word."), ("user", "Italy"), ("assistant", "Rome"), ("user", "Spain"),
        ("assistant", "Madrid"), ("user", "France"),
    )  # fmt: skip
    [answer] = teacher.complete([Request(turns, 8, 0.0)])
    assert answer.text.startswith("Paris")


def test_more_than_it_answers_side_by_side_are_all_answered_once(teacher: Engine) -> None:
    answers = ask(teacher, *[f"What comes after {n}?" for n in range(80)], most=4, temperature=0.7)
    assert [answer.index for answer in answers] == list(range(80))
    assert all(answer.text and not answer.failure for answer in answers)


def test_nothing_asked_is_nothing_answered(teacher: Engine) -> None:
    assert list(teacher.complete([])) == []


def test_the_likeliest_answer_is_the_same_each_time(teacher: Engine) -> None:
    assert ask(teacher, "Name a river.")[0].text == ask(teacher, "Name a river.")[0].text


def test_it_holds_to_a_schema_where_it_can(teacher: Engine, recipe: Recipe) -> None:
    schema = {
        "type": "object",
        "properties": {"city": {"type": "string", "maxLength": 20}},
        "required": ["city"],
        "additionalProperties": False,
    }
    question = 'Answer with JSON such as {"city": "Paris"}. What is the capital of Italy?'
    [answer] = ask(teacher, question, most=60, one_line=False, schema=schema)
    assert answer.text
    if recipe.teacher.engine != "transformers":
        assert json.loads(answer.text).keys() == {"city"}


def test_what_is_too_long_for_it_takes_nothing_from_the_others(teacher: Engine, recipe: Recipe) -> None:
    far = "word " * 3_000 if recipe.teacher.engine != "transformers" else "word"
    [short, long] = ask(teacher, "What is the capital of France?", far, most=8)
    assert short.text and not short.failure
    if recipe.teacher.engine != "transformers":
        assert long.failure and not long.again, "another run would not have it either"


def test_a_leaf_is_multiplied(teacher: Engine, recipe: Recipe, tmp_path: Path) -> None:
    made = generate_leaf(samples_inputs(knowledge(), recipe), Store(str(tmp_path)), teacher)
    check_complete([made])
    assert made.funnel.candidates > 20
    assert made.teacher_tokens > 0
    again = generate_leaf(samples_inputs(knowledge(), recipe), Store(str(tmp_path)), teacher)
    assert list(again.samples) == list(made.samples) and again.asked == 0


def test_a_killed_run_leaves_no_engine_behind() -> None:
    code = (
        "import os, signal\n"
        "from pathlib import Path\n"
        "from bot.config.profiles import load_profile\n"
        "from bot.inference.engine import Request\n"
        "from bot.inference.engine_vllm import VllmEngine\n"
        "if __name__ == '__main__':\n"
        "    teacher = VllmEngine('embedded', dict(load_profile('cpu', Path()).vllm), 0)\n"
        "    print([r.text for r in teacher.complete([Request((('user', 'Hi'),), 4, 0.0)])])\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    with subprocess.Popen([sys.executable, "-c", code], start_new_session=True) as process:
        assert process.wait(180) == -signal.SIGKILL
    deadline = time.monotonic() + 20
    while engines := [p for p in psutil.process_iter() if _is_engine(p, process.pid)]:
        assert time.monotonic() < deadline, engines
        time.sleep(0.5)


def test_a_shared_server_is_used_killed_and_healthy_again_and_ends_with_its_parent(
    server: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By a recipe of engine vllm, which then starts no other one, and by one of engine openai without URL."""
    monkeypatch.setenv(TEACHER_URL, server.url)
    vllm = open_teacher(in_profile(TeacherRecipe("vllm", "embedded")))
    openai = open_teacher(in_profile(TeacherRecipe("openai", "embedded")))
    coarse = dataclasses.replace(in_profile(TeacherRecipe("vllm", "embedded")), profile="gpu-24g")
    with pytest.raises(UserError, match="the teacher returned 404: check the URL and the model's name"):
        ask(open_teacher(coarse), "Hello")
    before = family(server.process.pid)

    def kill() -> None:
        time.sleep(2)
        [api] = [one for one in before if "vllm.entrypoints.openai.api_server" in one.cmdline()]
        api.kill()

    killer = threading.Thread(target=kill)
    killer.start()
    questions = [f"Write a story about the number {n}." for n in range(24)]
    answers = ask(vllm, *questions, most=60, one_line=False)
    killer.join()
    assert [answer.index for answer in answers] == list(range(24))
    assert all(answer.text and not answer.failure for answer in answers)
    assert ask(openai, "What is the capital of Italy?", most=24)[0].text
    again = family(server.process.pid)
    assert again and not {one.pid for one in before} & {one.pid for one in again}
    server.process.kill()
    server.process.wait()
    _, alive = psutil.wait_procs(again, 30)
    assert not alive


def in_profile(teacher: TeacherRecipe) -> Recipe:
    return dataclasses.replace(load_recipe(ROOT / "arborist.yaml"), teacher=teacher)


def family(pid: int) -> list[psutil.Process]:
    """The processes below one, without those that wait for its end."""
    below = psutil.Process(pid).children(recursive=True)
    return [one for one in below if one.name() not in ("sh", "cat")]


def _is_engine(process: psutil.Process, session: int) -> bool:
    try:
        return os.getsid(process.pid) == session and process.status() != psutil.STATUS_ZOMBIE
    except (ProcessLookupError, psutil.NoSuchProcess):
        return False
