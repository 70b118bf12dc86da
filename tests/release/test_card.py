"""The model card: the metadata that the Hub reads, and the text that people read, in Markdown or rendered."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from huggingface_hub import ModelCard
from markdown_it import MarkdownIt
from markdown_it.token import Token

from bot.release.card import MOST_NAMED, model_card
from bot.release.manifest import check_manifest
from bot.text.escape_markdown import visible
from tests.helpers.hostile_texts import HOSTILE
from tests.helpers.local_hub import free_port, running
from tests.helpers.manifests import KEY, leaf_row, manifest, with_retrieval

ORU, SARN = "knowledge/islands/oru", "knowledge/islands/sarn"


def text_of(made: dict[str, Any], previous: dict[str, Any] | None = None) -> str:
    """The text of a card on one line, without the metadata."""
    return " ".join(ModelCard(model_card(made, previous)).text.split())


def metadata_of(made: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load(
        model_card(made, None).removeprefix("---\n").partition("\n---\n")[0]
    )
    return found


def test_the_manifests_of_these_tests_match_the_schema() -> None:
    check_manifest(manifest(leaf_row(ORU), leaf_row(SARN, status="none")))


def test_its_metadata_is_complete() -> None:
    assert {
        name: value for name, value in metadata_of(manifest(leaf_row(ORU))).items() if name != "model-index"
    } == {
        "license": "apache-2.0",
        "language": ["en"],
        "library_name": "transformers",
        "pipeline_tag": "text-generation",
        "base_model": "org/base",
        "base_model_relation": "finetune",
        "tags": ["arborist", "instructlab", "lab"],
        "metrics": ["accuracy"],
    }


def test_the_hubs_own_client_reads_and_validates_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    card = ModelCard(model_card(manifest(leaf_row(ORU), leaf_row(SARN, status="shared")), None))
    found = [(one.dataset_type, one.dataset_config, one.metric_value) for one in card.data.eval_results or []]
    assert found == [
        ("arborist-exam", ORU, 0.8),
        ("arborist-exam-shared", SARN, 0.8),
        ("arborist-general-questions", None, 0.831),
    ]
    with running(tmp_path / "hub", free_port()) as hub:
        monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", hub.url)
        card.validate()


def test_each_leaf_has_a_result_of_its_own_unless_the_model_was_trained_on_its_questions() -> None:
    rows = [leaf_row(f"knowledge/{name}") for name in "abc"]
    [index] = metadata_of(manifest(*rows, leaf_row("knowledge/d", status="none")))["model-index"]
    assert [result["dataset"].get("config") for result in index["results"]] == [
        *(row["path"] for row in rows),
        None,
    ]
    assert all(len(result["metrics"]) == 1 for result in index["results"])


@pytest.mark.parametrize(
    ("student", "base"),
    [
        ({"name": "org/base@main", "revision": "c" * 40}, "org/base"),
        ({"name": "HuggingFaceTB/SmolLM2-135M-Instruct", "revision": "c" * 32 + ".1"}, None),
        ({"name": "models/base", "revision": "c" * 64}, ""),
        ({"name": "/data/base", "revision": "c" * 64}, ""),
    ],
)
def test_only_a_base_model_on_the_hub_is_named_in_the_metadata(
    student: dict[str, str], base: str | None
) -> None:
    found = metadata_of(manifest(leaf_row(ORU), student={**student, "licence": ""}))
    assert found.get("base_model", "") == (student["name"] if base is None else base)
    assert ("base_model_relation" in found) == (base != "")


@pytest.mark.parametrize(
    ("dataset", "named"),
    [("", None), ("org/data@main:train.jsonl", ["org/data"]), ("data/general.jsonl", None)],
)
def test_a_dataset_on_the_hub_is_named(dataset: str, named: list[str] | None) -> None:
    made = manifest(leaf_row(ORU))
    made["recipe"]["train"]["general"]["dataset"] = dataset
    assert metadata_of(made).get("datasets") == named


def test_its_languages_are_those_of_the_leaves() -> None:
    rows = [leaf_row(f"knowledge/{code}", language=code) for code in ("de", "en", "")]
    assert metadata_of(manifest(*rows))["language"] == ["de", "en"]
    assert "language" not in metadata_of(manifest(leaf_row(ORU, language="")))


def test_it_says_what_changed_since_the_release_before_and_who_did_it() -> None:
    before = manifest(
        leaf_row("knowledge/same"), leaf_row("knowledge/changed", key="c" * 64), leaf_row("knowledge/gone")
    )
    after = manifest(
        leaf_row("knowledge/same"),
        leaf_row("knowledge/changed", created_by="mona"),
        leaf_row("knowledge/new", created_by="otto"),
        release="v2024.11.01.2",
        previous="v2024.11.01.1",
        quarantined=[{"path": "knowledge/broken", "reason": "odd", "commit": ""}],
    )
    told = ModelCard(model_card(after, before)).text
    assert (
        """Compared with v2024.11.01.1:

- Added: `knowledge/new` by `otto`
- Changed: `knowledge/changed` by `mona`
- Removed: `knowledge/gone` by `petra`
- Unchanged: 1 leaf
- Could not be read: `knowledge/broken`; this release does not have it
"""
        in told
    )


def test_in_the_first_release_all_is_added() -> None:
    told = text_of(manifest(leaf_row(ORU)))
    assert f"This is the first release. - Added: `{ORU}` by `petra`" in told


def test_long_lists_are_cut() -> None:
    told = text_of(manifest(*(leaf_row(f"knowledge/leaf_{number}") for number in range(MOST_NAMED + 3))))
    assert "- Added: 3 more leaves, which `manifest.json` lists" in told


def test_results_have_intervals_and_held_out_questions_a_table_of_their_own() -> None:
    made = manifest(
        leaf_row(ORU, 2, 10, 12),
        leaf_row(SARN, 5, 4),
        leaf_row("skills/a", 0, 5, status="none"),
        leaf_row("skills/b", status="shared"),
    )
    told = ModelCard(model_card(made, None)).text
    tables = {part.splitlines()[0]: part for part in told.split("### ")}
    held_out = tables["Held-out questions"]
    assert (
        f"| `{ORU}` | `petra` | 7 | 2 of 12 (5 to 45%) | 10 of 12 (55 to 95%) | +67 (+27 to +84) |"
        in held_out
    )
    assert "| all 2 leaves |  |  | 7 of 17 (22 to 64%) | 14 of 17 (59 to 94%) | +41 (+9 to +64) |" in held_out
    assert "skills/" not in held_out
    assert "skills/a" in tables["Own examples of leaves without an exam"]
    assert "skills/b" in tables["Exam questions that samples of other leaves ask, too"]
    assert "60 of 71 (74 to 91%) before" in tables["General questions"]
    assert "95% confidence intervals: Wilson's of a share; of a change" in told


def test_it_says_whether_the_model_over_generalises_and_for_which_leaf() -> None:
    lost = {"asked": 8, "base": 6, "before": 6, "after": 4, "answers": "a" * 64}
    told = text_of(manifest(leaf_row(ORU), leaf_row(SARN, near_misses=lost)))
    assert (
        "of 16, the base model answers 12 right; of these, 12 were right before and 10 are right after"
        in told
    )
    assert f"Fewer than the base: `{SARN}` (4 of 6)." in told


def test_it_shows_tasks_of_lm_evaluation_harness_and_says_that_the_gate_does_not_use_them() -> None:
    made = manifest(leaf_row(ORU), tools={"arborist": "1.0", "lm-eval": "0.4.13"})
    row = {"task": "arc_easy", "version": "1.0", "metric": "acc", "questions": 2376, "results": KEY}
    values = {"before": {"value": 0.61, "stderr": 0.01}, "after": {"value": 0.625, "stderr": None}}
    made["examined"]["tasks"] = [row | values]
    check_manifest(made)
    told = text_of(made)
    assert "| `arc_easy` | `acc` | 2376 | 0.61 ± 0.01 | 0.625 |" in told
    assert "Run by lm-evaluation-harness 0.4.13" in told and "The gate does not use them." in told
    results = metadata_of(made)["model-index"][0]["results"]
    assert results[-1]["dataset"]["type"] == "arc_easy"
    assert results[-1]["metrics"] == [{"name": "acc", "type": "acc", "value": 0.625}]


def test_it_names_the_works_and_their_licences() -> None:
    works = [
        {"title": "Oru", "link": "https://oru.example", "licence": "CC-BY-SA-4.0", "creators": "K. Mire"},
        {"title": "", "link": "", "licence": "", "creators": ""},
    ]
    told = text_of(manifest(leaf_row(ORU, attribution=works), leaf_row(SARN, attribution=[])))
    assert f"- `{ORU}`: Oru, by K. Mire. Licence: CC-BY-SA-4.0. Source: `https://oru.example`. " in told
    assert f"- `{ORU}`: a work without a title. Licence: not stated. " in told
    assert f"- `{SARN}` by `petra`: no attribution" in told
    assert (
        f"`{ORU}` (CC-BY-SA-4.0). Whether a model is made from a work in this sense is not settled." in told
    )


def test_a_share_alike_release_needs_no_such_remark() -> None:
    work = {"title": "Oru", "link": "", "licence": "CC-BY-SA-4.0", "creators": ""}
    made = manifest(leaf_row(ORU, attribution=[work]))
    made["recipe"]["release"]["license"] = "cc-by-sa-4.0"
    assert "share-alike" not in text_of(made)


MARKDOWN = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])
MARKDOWN.disable("text_join")  # which would hide entities


def tokens(made: dict[str, Any], previous: dict[str, Any] | None = None) -> Iterator[Token]:
    for block in MARKDOWN.parse(ModelCard(model_card(made, previous)).text):
        yield block
        yield from block.children or ()


def of_everything(hostile: str, path: str = "") -> dict[str, Any]:
    """A manifest with this text wherever people write something."""
    work = dict.fromkeys(("title", "link", "licence", "creators"), hostile)
    lost = {"asked": 8, "base": 6, "before": 6, "after": 4, "answers": "a" * 64}
    row = leaf_row(path or hostile, created_by=hostile, attribution=[work], near_misses=lost)
    made = manifest(
        row,
        taxonomy={"repository": hostile, "commit": "b" * 40},
        student={"name": hostile, "revision": "c" * 64, "licence": hostile},
        teacher={"name": hostile, "revision": hostile},
        quarantined=[{"path": hostile, "reason": hostile, "commit": ""}],
    )
    made["recipe"]["train"]["general"]["dataset"] = hostile
    made["recipe"]["release"]["license"] = hostile
    return made


CALM = "calm"
OUR_LINKS = {"https://arxiv.org/abs/2403.01081"}
OUR_IMAGES = {"results.png", "loss.png"}


@pytest.mark.parametrize("hostile", HOSTILE)
def test_hostile_text_is_only_text(hostile: str) -> None:
    previous = manifest(leaf_row(f"{hostile} gone", created_by=hostile))
    found = list(tokens(of_everything(hostile), previous))
    assert {str(one.attrs["href"]) for one in found if one.type == "link_open"} == OUR_LINKS
    assert {str(one.attrs["src"]) for one in found if one.type == "image"} == OUR_IMAGES
    assert not [one for one in found if one.type in ("html_block", "html_inline")]
    assert not [one for one in found if one.type == "text_special" and one.info == "entity"]
    # What renderers link without markup: addresses and mentions.
    assert not [one.content for one in found if one.type == "text" and re.search(r"@|://|www\.", one.content)]


@pytest.mark.parametrize("hostile", HOSTILE)
def test_hostile_text_changes_no_structure_and_can_be_read(hostile: str) -> None:
    def structure(made: dict[str, Any]) -> list[str]:
        kinds = [one.type for one in tokens(made) if one.block]
        return [kind for kind in kinds if kind not in ("inline", "text")]

    made = of_everything(hostile)
    assert structure(made) == structure(of_everything(CALM))
    shown = "".join(
        one.content for one in tokens(made) if one.type in ("text", "text_special", "code_inline")
    )
    assert visible(hostile).replace("|", "¦") in shown.replace("|", "¦")


@pytest.mark.parametrize("hostile", HOSTILE)
def test_hostile_text_is_text_in_the_metadata_too(hostile: str) -> None:
    found = metadata_of(of_everything(hostile))
    assert found["license"] == hostile
    assert found["model-index"][0]["results"][0]["dataset"]["config"] == hostile
    assert "base_model" not in found and "datasets" not in found


def test_knowledge_leaves_have_four_results_with_and_without_retrieval() -> None:
    made = with_retrieval()
    check_manifest(made)
    text = text_of(made)
    assert "| `knowledge/islands/oru` | 5 | 0 | 4 | 3 | 5 |" in text
    assert "| all 2 leaves | 10 | 0 | 8 | 6 | 10 |" in text
    assert "Of these 10 questions, this model with passages answered the most right: 10." in text
    assert "`compositional_skills/greet` | 5" not in text


def test_what_is_said_of_retrieval_is_what_was_counted() -> None:
    made = with_retrieval()
    for row in made["leaves"][:2]:
        row["retrieval"] = {**row["retrieval"], "tuned": {"right": 4, "asked": 5}}
    said = "this model without passages and this model with passages answered the most right: 8."
    assert said in text_of(made)


def test_without_retrieval_the_card_does_not_mention_it() -> None:
    assert "passages" not in text_of(manifest(leaf_row(ORU)))
