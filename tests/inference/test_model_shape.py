"""A model's shape out of its config.json."""

import json
from pathlib import Path

import pytest

from bot.inference.model_shape import Shape, shape_at_hand, shape_of
from tests.helpers.local_hub import free_port, running

CONFIG = {
    "num_hidden_layers": 4,
    "hidden_size": 64,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "intermediate_size": 128,
    "vocab_size": 1_000,
    "tie_word_embeddings": True,
}
SIZE = 4 * (2 * 64 * 16 * 6 + 3 * 64 * 128) + 64_000


def test_the_embedded_student_is_about_as_large_as_its_files_say() -> None:
    shape = shape_at_hand("embedded")
    assert shape is not None
    assert (shape.layers, shape.hidden) == (30, 576)
    assert shape.parameters == pytest.approx(134_515_008, rel=0.001)


@pytest.mark.parametrize(
    ("config", "shape"),
    [
        (CONFIG, Shape(4, 64, SIZE)),
        ({"text_config": CONFIG, "vision_config": {}}, Shape(4, 64, SIZE)),
        ({**CONFIG, "tie_word_embeddings": False}, Shape(4, 64, SIZE + 64_000)),
        ({**CONFIG, "num_local_experts": 2}, Shape(4, 64, SIZE + 4 * 3 * 64 * 128)),
        ({"hidden_size": "wide"}, None),
        ({}, None),
    ],
)
def test_a_folders_config_is_read(tmp_path: Path, config: dict[str, object], shape: Shape | None) -> None:
    (tmp_path / "config.json").write_text(json.dumps(config))
    assert shape_of(str(tmp_path)) == shape


def test_of_a_model_on_the_hub_the_config_alone_is_fetched(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_TOKEN", "hf_maintainer")
    with running(tmp_path / "hub", free_port()) as hub:
        monkeypatch.setenv("HF_ENDPOINT", hub.url)
        hub.api().create_repo("lab/student")
        hub.api().upload_file(
            path_or_fileobj=json.dumps(CONFIG).encode(), path_in_repo="config.json", repo_id="lab/student"
        )
        assert shape_of("lab/student") == Shape(4, 64, SIZE)
        assert shape_of("lab/nothing") is None
    assert shape_of("lab/student") is None, "a Hub that does not answer"
