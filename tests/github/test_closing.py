"""The closing word on a merged pull request follows from the manifests, leaf by leaf."""

from typing import Any

import pytest

from bot.github import comment
from bot.github.announce import announce_release, announce_removed, announce_training, announce_unchanged
from bot.github.closing import closing_of, closing_word
from bot.github.comment import find_comment, read_parts, update_comment
from bot.release.hub import Release

A, B = "knowledge/islands/oru", "compositional_skills/writing/notes"
V1, V2 = "v2024.11.01.1", "v2024.11.01.2"


def leaf(path: str, key: str = "1", status: str = "held-out") -> dict[str, Any]:
    exam = {"status": status, "before": {"right": 1, "asked": 5}, "after": {"right": 4, "asked": 5}}
    return {"path": path, "key": key * 64, "samples": 7, "exam": exam}


def release(tag: str, *leaves: dict[str, Any], pulls: tuple[int, ...] = (1,)) -> Release:
    manifest = {"leaves": list(leaves), "pulls": list(pulls), "previous": None}
    return Release("org/model", tag, "c" * 40, manifest)


def word(now: Release, before: Release | None, *files: str, made: bool = True) -> str:
    return closing_word(now, closing_of(now, before, files), made=made)


def test_a_new_leaf_is_released_with_its_figures() -> None:
    text = word(release(V1, leaf(A), leaf(B)), None, f"taxonomy/{A}/qna.yaml", f"taxonomy/{A}/oru.md")
    assert text.startswith("### 🎉 Released as [v2024.11.01.1]")
    assert "| knowledge/islands/oru | 5 held-out questions | 1 | **4** |" in text
    assert "notes" not in text
    assert text.endswith("Thank you for your contribution!")


def test_a_changed_leaf_is_released() -> None:
    text = word(release(V2, leaf(A, "2")), release(V1, leaf(A)), f"taxonomy/{A}/qna.yaml")
    assert text.startswith("### 🎉 Released as [v2024.11.01.2]")


def test_a_leaf_without_an_exam_is_not_praised_for_answers_to_its_own_examples() -> None:
    text = word(release(V1, leaf(A, status="none")), None, f"taxonomy/{A}/qna.yaml")
    assert "| 5 of its own examples | 1 | **4** |" in text
    assert "on which the model is trained" in text
    assert "held-out" not in text


def test_a_leaf_whose_facts_are_stated_of_other_subjects_is_told() -> None:
    over = leaf(A) | {"near_misses": {"asked": 8, "base": 6, "before": 6, "after": 4}}
    text = word(release(V1, over), None, f"taxonomy/{A}/qna.yaml")
    assert "the base model answers 6 of 8 right; of these, 6 were right before and 4 are right after." in text
    assert f"Fewer than the base: {A} (4 of 6)." in text
    kept = leaf(A) | {"near_misses": {"asked": 8, "base": 6, "before": 6, "after": 6}}
    assert "Fewer than the base" not in word(release(V1, kept), None, f"taxonomy/{A}/qna.yaml")


def test_of_an_older_release_no_near_misses_are_claimed() -> None:
    assert "Near misses" not in word(release(V1, leaf(A)), None, f"taxonomy/{A}/qna.yaml")


def test_a_file_with_another_name_taught_nothing() -> None:
    text = word(release(V1, leaf(B)), None, f"taxonomy/{A}/qna.yaml.txt")
    assert text.startswith("### 📭 Merged, but nothing of it is in [v2024.11.01.1]")
    assert "knowledge/islands/oru/qna.yaml.txt" in text.replace("\\", "")
    assert "Thank you" not in text
    assert "**4**" not in text


def test_what_was_merged_and_removed_again_is_not_in_the_release() -> None:
    text = word(release(V1, leaf(B)), None, f"taxonomy/{A}/qna.yaml", f"taxonomy/{A}/oru.md")
    assert text.startswith("### 📭 Merged, but nothing of it is in [v2024.11.01.1]")
    assert "removed from the taxonomy again before this release: knowledge/islands/oru." in text
    assert "oru.md" not in text


def test_a_deletion_is_told_as_unlearnt() -> None:
    text = word(release(V2, leaf(B)), release(V1, leaf(A), leaf(B)), f"taxonomy/{A}/qna.yaml")
    assert text.startswith("### 🗑️ Removed in [v2024.11.01.2]")
    assert "Not in v2024.11.01.2 any more: knowledge/islands/oru." in text
    assert "Thank you" not in text


def test_a_moved_leaf_is_learnt_and_removed() -> None:
    files = (f"taxonomy/{A}/qna.yaml", f"taxonomy/{A}2/qna.yaml")
    text = word(release(V2, leaf(f"{A}2")), release(V1, leaf(A)), *files)
    assert text.startswith("### 🎉 Released as [v2024.11.01.2]")
    assert "Not in v2024.11.01.2 any more: knowledge/islands/oru." in text


def test_what_changes_no_sample_is_not_said_to_be_missing() -> None:
    """Only the exam changed, which makes a release and teaches nothing."""
    text = word(release(V2, leaf(A)), release(V1, leaf(A)), f"taxonomy/{A}/exam.yaml")
    assert text.startswith("### 📭 Merged: nothing new to learn in [v2024.11.01.2]")
    assert "In v2024.11.01.2 with the same samples as before: knowledge/islands/oru." in text


def test_the_recipe_alone_concerns_all_leaves() -> None:
    text = word(release(V2, leaf(A), leaf(B)), release(V1, leaf(A), leaf(B)), "arborist.yaml")
    assert "This pull request changes no leaf." in text
    assert text.count("5 held-out questions") == 2


def test_where_nothing_is_released_the_model_stays() -> None:
    now = release(V1, leaf(A))
    text = word(now, now, f"taxonomy/{A}/attribution.txt", made=False)
    assert text.startswith("### 📭 Merged; the model stays [v2024.11.01.1]")
    assert "In v2024.11.01.1 with the same samples as before: knowledge/islands/oru." in text
    assert word(now, now, "README.md", made=False).endswith("nothing else that a model depends on.")


@pytest.fixture
def bot(lab: Any, proposal: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setattr(comment, "SETTLES_S", 0)
    return lab.as_("arborist[bot]")


@pytest.fixture
def own(proposal: Any) -> str:
    """The leaf of the pull request."""
    return str(next(iter(proposal[0].get_files())).filename).split("/")[1]


def part(bot: Any) -> dict[str, str]:
    found = find_comment(bot.get_pull(1))
    return read_parts(found.body) if found else {}


def test_a_merge_is_followed_from_the_run_to_the_release_and_to_the_revert(bot: Any, own: str) -> None:
    update_comment(bot.get_pull(1), {"next": "merge it"})
    announce_training(bot, [1], "https://github/run/7")
    assert set(part(bot)) == {"release"}
    assert "[The workflow run](https://github/run/7)" in part(bot)["release"]

    first = release(V1, leaf(own))
    announce_release(bot, first, None)
    assert part(bot)["release"].startswith("### 🎉 Released as [v2024.11.01.1]")
    announce_training(bot, [1], "https://github/run/8")
    kept = part(bot)["release"]
    assert kept.startswith("### 🎉 Released as [v2024.11.01.1]"), "a later run takes no result away"

    announce_removed(bot, release(V2, leaf(B), pulls=()), first, [1])
    assert part(bot)["release"].startswith("### 🗑️ Removed in [v2024.11.01.2]")


def test_a_later_release_that_keeps_a_leaf_leaves_its_closing_word(bot: Any, own: str) -> None:
    first = release(V1, leaf(own), leaf(A))
    announce_release(bot, first, None)
    before = part(bot)
    assert announce_removed(bot, release(V2, leaf(own, "2")), first, [1]) == []
    assert part(bot) == before


def test_a_merge_that_changes_nothing_is_told_so(bot: Any) -> None:
    announce_unchanged(bot, release(V1, leaf(A)), [1])
    assert part(bot)["release"].startswith("### 📭 Merged; the model stays [v2024.11.01.1]")
