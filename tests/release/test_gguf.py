"""GGUF files of a release: which are published, what both cards say of them, and what stops a conversion."""

import sys
from pathlib import Path

import pytest
from huggingface_hub import ModelCard

from bot.core.errors import UserError
from bot.core.store import Store
from bot.evaluate.gate import Verdict
from bot.github.results import summary_of
from bot.inference.engine_llamacpp import GgufError, LlamaCpp
from bot.pipeline.candidate import Candidate
from bot.release import convert_gguf
from bot.release.card import model_card
from bot.release.companions import checked_companion, stated_companion
from bot.release.convert_gguf import CONVERTER, FILES, PLACE, convert
from bot.release.gguf_card import gguf_card
from bot.release.gguf_rule import refusal
from bot.release.hub import latest_release, publish
from bot.release.hub_repository import HubRepository
from bot.release.manifest import check_manifest
from tests import ROOT
from tests.helpers import signed_release
from tests.helpers.ggufs import REPOSITORY, STATED, gguf_file, gguf_part
from tests.helpers.local_hub import RunningHub
from tests.helpers.manifests import GATE, leaf_row, manifest

ROW = leaf_row("knowledge/islands/oru")
STUB = """
import sys
open(sys.argv[sys.argv.index("--outfile") + 1], "wb").write({content})
print({last!r}, file=sys.stderr)
sys.exit({code})
"""


@pytest.mark.parametrize(
    ("out_type", "right", "expected", "published"),
    [
        ("f16", 43, 43, True),
        ("f16", 42, 43, True),  # one answer may change by rounding
        ("f16", 41, 43, False),
        ("f16", 45, 43, False),  # not even better answers are those of the model
        ("f16", 196, 200, True),
        ("f16", 195, 200, False),
        ("q8_0", 43, 43, True),
        ("q8_0", 41, 43, True),
        ("q8_0", 40, 43, False),
        ("q8_0", 190, 200, True),
        ("q8_0", 189, 200, False),
        ("q8_0", 220, 200, True),
        ("q8_0", 0, 0, True),
    ],
)
def test_a_file_is_published_if_it_answers_as_many_questions_right(
    out_type: str, right: int, expected: int, published: bool
) -> None:
    said = refusal(out_type, right, expected)
    assert (said == "") is published
    assert published or said.startswith(
        f"it answers {right} questions right, and the safetensors {expected};"
    )


def test_the_card_of_the_files_is_valid_and_states_release_results_and_use() -> None:
    refused = gguf_file("q8_0", 30, 20, "it answers 30 questions right, and the safetensors 40")
    card = gguf_card(manifest(ROW, gguf=gguf_part(gguf_file("f16"), refused)), STATED)
    data = ModelCard(card).data
    assert (data.base_model, data["base_model_relation"]) == ("lab/model", "quantized")
    assert (data.license, data.language) == ("apache-2.0", ["en"])
    assert "gguf" in data.tags
    assert "| safetensors | 40 of 51 | | |" in card
    assert "| `model-f16.gguf` | 40 of 51 | 50 of 51 | yes, 123 MB |" in card
    assert "| `model-q8_0.gguf` | 30 of 51 | 20 of 51 | no: it answers 30 questions right" in card
    assert f"hf download {REPOSITORY} model-f16.gguf --revision v2024.11.01.1" in card
    assert "llama-server -m model-f16.gguf --jinja" in card
    assert "ollama create model -f model/Modelfile" in card
    assert "arborist verify lab/model@v2024.11.01.1" in card
    assert "&" not in card.split("---", 2)[2]


def test_the_models_card_names_the_repository_and_the_smallest_file() -> None:
    card = model_card(manifest(ROW, gguf=gguf_part()), None)
    section = card.split("### llama.cpp")[1].split("## Intended use")[0]
    assert f"`{REPOSITORY}` has this release as GGUF files" in section
    assert "| `model-q8_0.gguf` | 40 of 51 | 50 of 51 | yes, 123 MB |" in section
    assert "llama-server -m model-q8_0.gguf --jinja --temp 0" in section
    assert "convert_hf_to_gguf" not in section


def test_the_models_card_says_why_there_are_no_files() -> None:
    part = {"repository": REPOSITORY, "reason": "the converter does not know <this> model", "files": []}
    for stated in (part, gguf_part(gguf_file("f16", refused=part["reason"]), reason="")):
        section = model_card(manifest(ROW, gguf=stated), None).split("### llama.cpp")[1]
        assert "This release has no GGUF files: the converter does not know" in section
        assert "convert_hf_to_gguf" not in section.split("## Intended use")[0]
    without = model_card(manifest(ROW), None)
    assert "has no GGUF files" not in without
    assert "convert_hf_to_gguf" in without


def test_manifests_with_and_without_files_match_the_schema() -> None:
    for part in (gguf_part(), {"repository": REPOSITORY, "reason": "no", "files": []}):
        check_manifest(manifest(ROW, gguf=part))
    with pytest.raises(UserError, match="gguf"):
        check_manifest(manifest(ROW, gguf={"repository": REPOSITORY}))


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("model-f16.gguf", b"PK\x03\x04", "this is not a GGUF file; remove it with"),
        ("model.bin", b"GGUF", "a companion of the kind gguf has no such file"),
        ("Modelfile", b"FROM org/other\nPARAMETER temperature 0\n", "this Modelfile uses other files"),
        ("Modelfile", b"FROM ./x.gguf\nPARAMETER temperature 0\nADAPTER ./y\n", "this Modelfile uses other"),
        ("FooModelfile", b"FROM ./x.gguf\nPARAMETER temperature 0\n", "this Modelfile uses other files"),
    ],
)
def test_files_of_another_kind_are_not_published(
    tmp_path: Path, name: str, content: bytes, message: str
) -> None:
    entry = Store(str(tmp_path)).put("gguf", "1" * 64, {}, {"x.gguf": b"GGUF", name: content})
    stated = stated_companion("gguf", HubRepository(REPOSITORY), entry)
    with pytest.raises(UserError, match=f"^{name}: {message}"):
        checked_companion(stated, entry, manifest(ROW, gguf=gguf_part()))


def test_files_are_published_with_the_release_and_their_card(local_hub: RunningHub, tmp_path: Path) -> None:
    files = {
        "model-f16.gguf": b"GGUF16",
        "model-q8_0.gguf": b"GGUF8",
        "Modelfile": b'FROM ./model-q8_0.gguf\nPARAMETER temperature 0\nTEMPLATE """{{ x }}\n"""\n',
    }
    entry = Store(str(tmp_path / "store")).put("gguf", "1" * 64, {}, files)
    stated = stated_companion("gguf", HubRepository(REPOSITORY), entry)
    made = signed_release.manifest(gguf=gguf_part())
    companion = checked_companion(stated, entry, made)
    folder = signed_release.write_model(tmp_path / "model")
    publish(signed_release.MODEL, folder, signed_release.FILES, made, companions=[companion])
    released = latest_release(signed_release.MODEL)
    assert released is not None
    assert released.manifest["gguf"] == gguf_part()
    there = Path(
        local_hub.api().snapshot_download(REPOSITORY, revision="v2024.11.01.1", cache_dir=tmp_path / "cache")
    )
    assert {name: (there / name).read_bytes() for name in files} == files
    assert ModelCard.load(there / "README.md").data.base_model == signed_release.MODEL
    [found] = released.manifest["companions"]
    assert set(found["files"]) == {*files, "README.md", "release.json"}


def test_the_summary_of_the_job_names_each_file(tmp_path: Path) -> None:
    entry = Store(str(tmp_path)).put("train", "2" * 64, {}, {"model.safetensors": b"w"})
    verdict = Verdict((), report=GATE)
    part = gguf_part(gguf_file("f16"), gguf_file("q8_0", 30, 20, "it answers 30 questions right"))
    summary = summary_of(Candidate("c" * 64, entry, {}, manifest(ROW, gguf=part), verdict))
    assert "- model-f16.gguf: 40 right, 50 answers equal. To be published." in summary
    assert "- model-q8_0.gguf: 30 right, 20 answers equal. Not published: it answers 30 questions" in summary
    none = manifest(ROW, gguf={"repository": REPOSITORY, "reason": "it is not known", "files": []})
    assert "No GGUF files: it is not known" in summary_of(Candidate("c" * 64, entry, {}, none, verdict))


def test_set_up_has_installed_the_converter_that_is_stated() -> None:
    package, version = CONVERTER.split()
    assert f"\n{package}=={version} --hash=sha256:" in (ROOT / "converter.txt").read_text()
    assert convert_gguf._hash_of(PLACE) == FILES


def stub(place: Path, monkeypatch: pytest.MonkeyPatch, content: bytes, last: str, code: int) -> Path:
    """Put another script in the converter's place; returns the file that it is to write."""
    place.mkdir()
    (place / "convert_hf_to_gguf.py").write_text(STUB.format(content=content, last=last, code=code))
    monkeypatch.setattr(convert_gguf, "PLACE", place)
    monkeypatch.setattr(convert_gguf, "FILES", convert_gguf._hash_of(place))
    return place.with_name("out.gguf")


@pytest.mark.parametrize(
    ("content", "last", "code"),
    [
        (b"", "ERROR:hf-to-gguf:Model NewForCausalLM is not supported", 1),
        (b"GGUF", "NotImplementedError: BPE pre-tokenizer was not recognized", 1),
        (b"", "done, but nothing is there", 0),
    ],
)
def test_a_failed_conversion_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: bytes, last: str, code: int
) -> None:
    target = stub(tmp_path / "converter", monkeypatch, content, last, code)
    with pytest.raises(GgufError) as raised:
        convert(tmp_path, target, "f16", "model")
    assert str(raised.value) == f"llama.cpp's converter ({CONVERTER}) cannot convert this model: {last}"


def test_the_converter_sees_no_token_of_the_job(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "secret")
    code = "import os; raise SystemExit(' '.join(sorted(os.environ)))"
    target = stub(tmp_path / "converter", monkeypatch, b"", "", 1)
    (tmp_path / "converter/convert_hf_to_gguf.py").write_text(code)
    monkeypatch.setattr(convert_gguf, "FILES", convert_gguf._hash_of(tmp_path / "converter"))
    with pytest.raises(GgufError, match="HF_HUB_OFFLINE") as raised:
        convert(tmp_path, target, "f16", "model")
    assert "OPENAI_API_KEY" not in str(raised.value)


def test_an_altered_or_missing_converter_is_not_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    target = stub(tmp_path / "converter", monkeypatch, b"GGUF", "", 0)
    convert(tmp_path, target, "f16", "model")
    (tmp_path / "converter/torch.py").write_text("")
    with pytest.raises(UserError, match=r"these files are not llama\.cpp's converter .*; delete the folder"):
        convert(tmp_path, target, "f16", "model")
    monkeypatch.setattr(convert_gguf, "PLACE", tmp_path / "nowhere")
    with pytest.raises(UserError, match="is not there; run set-up with the extra gguf"):
        convert(tmp_path, target, "f16", "model")


def test_without_its_package_or_with_another_file_llama_cpp_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "model.gguf"
    file.write_bytes(b"GGUF, and then no model")
    with pytest.raises(GgufError, match=r"model\.gguf: llama\.cpp cannot load this file as a model"):
        LlamaCpp(file)
    monkeypatch.setitem(sys.modules, "xllamacpp", None)
    with pytest.raises(
        UserError, match="xllamacpp is not installed; install arborist-bot with the extra `gguf`"
    ):
        LlamaCpp(file)
