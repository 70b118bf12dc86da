"""Each shipped profile is valid by the libraries' own argument classes; none of it needs a GPU."""

from dataclasses import replace
from pathlib import Path

import pytest

from bot.config.profiles import known_profiles, load_profile
from bot.config.recipe import PhaseRecipe
from bot.inference.teacher_server import flags
from bot.train.job import Job
from tests import ROOT

PROFILES = known_profiles(ROOT)


def test_these_are_shipped() -> None:
    assert {"cpu", "gpu-24g", "gpu-80g", "gpu-80g-x8", "cluster"} <= {*PROFILES}


@pytest.mark.parametrize("name", PROFILES)
def test_vllms_server_and_its_engine_take_the_arguments(name: str) -> None:
    from vllm import AsyncEngineArgs, EngineArgs
    from vllm.entrypoints.launchers.cli_args import make_arg_parser, validate_parsed_serve_args
    from vllm.utils.argparse_utils import FlexibleArgumentParser

    arguments = dict(load_profile(name, ROOT).vllm)
    parsed = make_arg_parser(FlexibleArgumentParser()).parse_args(["--model", "org/model", *flags(arguments)])
    validate_parsed_serve_args(parsed)
    for engine in (AsyncEngineArgs.from_cli_args(parsed), EngineArgs(model="org/model", **arguments)):
        assert {key: getattr(engine, key) for key in arguments} == arguments


def test_vllms_server_refuses_what_is_no_argument_of_its_own(capsys: pytest.CaptureFixture[str]) -> None:
    from vllm.entrypoints.launchers.cli_args import make_arg_parser
    from vllm.utils.argparse_utils import FlexibleArgumentParser

    with pytest.raises(SystemExit):
        make_arg_parser(FlexibleArgumentParser()).parse_args(flags({"max_modell_len": 8192}))
    assert "unrecognized arguments: --max-modell-len" in capsys.readouterr().err


@pytest.mark.parametrize("name", [name for name in PROFILES if load_profile(name, ROOT).deepspeed])
def test_deepspeed_takes_the_settings(name: str, tmp_path: Path) -> None:
    from deepspeed.runtime.config import DeepSpeedConfig

    from bot.train.backend_deepspeed import engine_config

    profile = load_profile(name, ROOT)
    job = Job("knowledge", tmp_path, [], PhaseRecipe(1e-5, 64, 1), "bf16", 64, 10, 0, tmp_path, tmp_path)
    config = DeepSpeedConfig(engine_config(replace(job, deepspeed=profile.deepspeed)))
    assert (config.zero_optimization_stage, config.bfloat16_config.enabled) == (profile.stage, True)
    offloaded = config.zero_config.offload_optimizer
    assert (offloaded is not None and offloaded.device == "cpu") == profile.offloads("optimizer")


def test_all_of_vllms_forms_of_an_argument_are_written_as_its_command_line_has_them() -> None:
    arguments = {
        "enforce_eager": True,
        "enable_prefix_caching": False,
        "limit": {"image": 0},
        "names": ["a", "b"],
    }
    assert flags(arguments) == [
        *("--enforce-eager", "--no-enable-prefix-caching"),
        *("--limit", '{"image": 0}', "--names", "a", "b"),
    ]
