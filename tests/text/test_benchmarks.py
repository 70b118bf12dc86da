"""Items of benchmarks are known, whole or in part, however they are wrapped; other texts are not."""

from bot.taxonomy.tree import load_tree
from bot.text.benchmarks import FINGERPRINTS, benchmark_of
from tests import ROOT
from tests.helpers.texts import DUCKS


def test_an_item_is_known() -> None:
    assert benchmark_of(DUCKS) == "GSM8K (test)"
    assert benchmark_of("Please solve:\n\n" + DUCKS.upper().replace(" ", "\n")) == "GSM8K (test)"


def test_an_item_with_its_beginning_cut_off_is_known() -> None:
    assert benchmark_of(DUCKS.partition(". ")[2]) == "GSM8K (test)"


def test_items_of_each_benchmark_are_known() -> None:
    question = "Find the degree for the given field extension Q(sqrt(2), sqrt(3), sqrt(18)) over Q."
    task = "Compose an engaging travel blog post about a recent trip to Hawaii, highlighting cultural"
    program = (
        "Check if in given list of numbers, are any two numbers closer to each other than given threshold. "
        ">>> has_close_elements([1.0, 2.8, 3.0, 4.0, 5.0, 2.0], 0.3) True"
    )
    found = [
        benchmark_of(text) for text in (question, f"{task} experiences and must-see attractions.", program)
    ]
    assert found == ["MMLU (test)", "MT-Bench", "HumanEval"]


def test_what_items_have_in_common_is_nobodys() -> None:
    assert benchmark_of("Which of the following statements is true?") is None
    assert benchmark_of("Which of the following is the best explanation for the results of this?") is None


def test_a_question_of_ones_own_is_none() -> None:
    questions = [
        pair.question for leaf in load_tree(ROOT / "taxonomy") for s in leaf.seeds for pair in s.pairs
    ]
    assert questions
    assert not [question for question in questions if benchmark_of(question)]


def test_only_hashes_are_shipped() -> None:
    lines = [line for line in FINGERPRINTS.read_text().splitlines() if not line.startswith("# ")]
    assert all(len(line) == 12 and int(line, 16) >= 0 for line in lines)
    assert len(lines) > 5000
