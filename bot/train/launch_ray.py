"""Launching a job on the nodes of a Ray cluster, by Ray Train."""

import os
import shutil
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

from bot.cluster.connect import cluster_errors, connect
from bot.cluster.nodes import check_nodes, marked, training_share
from bot.core.errors import UserError
from bot.core.relayed_progress import relayed
from bot.train.job import Job
from bot.train.launch import free_memory, write_job

RETRIES = 3
"""How often training is started again from its last checkpoint, after a worker or a node died."""
REFUSED = "refused.txt"
"""The file with a worker's UserError, which another start would not change."""
RUN = "ray"
"""Ray Train's own folder in the work folder."""


def launch_on_cluster(job: Job) -> None:
    """Train a job on the cluster: the profile's number of processes.

    Raises:
        UserError: the cluster is too small, a node does not see the job's files, training failed, or workers
            died too often. The last checkpoint is kept.
    """
    free_memory()
    connect()
    from ray.train import FailureConfig, LoggingConfig, RunConfig, ScalingConfig
    from ray.train.torch import TorchTrainer
    from ray.train.v2.api.exceptions import TrainingFailedError

    job = replace(job, start=job.start.resolve(), work=job.work.resolve(), base=job.base.resolve())
    share = training_share(job.processes)
    with marked(job.work) as marker:
        check_nodes([marker, job.start / "config.json", job.base / "config.json"])
    (job.work / REFUSED).unlink(missing_ok=True)
    shutil.rmtree(job.work / RUN, ignore_errors=True)
    resources = {"CPU": share.cpus} | ({"GPU": share.gpus} if share.gpus else {})
    trainer = TorchTrainer(
        _train_on_worker,
        train_loop_config={"job": str(write_job(job))},
        scaling_config=ScalingConfig(
            num_workers=share.count, use_gpu=bool(share.gpus), resources_per_worker=resources
        ),
        run_config=RunConfig(
            name=RUN,
            storage_path=str(job.work),
            failure_config=FailureConfig(max_failures=RETRIES),
            logging_config=LoggingConfig(log_level="WARNING"),
            # DeepSpeed uses deprecated functions of PyTorch, each of which prints a warning.
            worker_runtime_env={"env_vars": {"PYTHONWARNINGS": "ignore::FutureWarning"}},
        ),
    )
    try:
        with cluster_errors(f"train {job.name}"), relayed(job.work):
            _fit(trainer)
    except TrainingFailedError as error:
        _check_refused(job.work)
        failures = getattr(error, "worker_failures", {})
        why = next(iter(failures.values()), error)
        reason = (str(why).strip().splitlines() or [type(why).__name__])[-1][:300]
        raise UserError(
            f"train {job.name}: workers of the Ray cluster failed {RETRIES + 1} times: {reason}; "
            f"the last checkpoint is in {job.work}, run again to resume"
        ) from None
    _check_refused(job.work)


def _fit(trainer: Any) -> None:
    """Run Ray Train in a thread: in the main one it handles Ctrl-C itself, and then exits with code 0."""
    from ray.exceptions import RayActorError

    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(trainer.fit)
        try:
            running.result()
        except KeyboardInterrupt:
            with suppress(RayActorError):
                trainer.shutdown()
            raise


def _check_refused(work: Path) -> None:
    """Raise a worker's UserError."""
    if (work / REFUSED).exists():
        raise UserError((work / REFUSED).read_text())


def _train_on_worker(told: dict[str, Any]) -> None:
    """Train in one of the processes; Ray has described their group in the environment, and joined it."""
    # Ray prints a worker's output on the driver's, whose stdout is reserved for machine-readable output.
    os.dup2(2, 1)
    os.environ["LOCAL_SIZE"] = os.environ["LOCAL_WORLD_SIZE"]  # read by DeepSpeed
    from bot.train.worker import read_job, train_and_tell

    file = Path(told["job"])
    refused = file.with_name(REFUSED)
    if refused.exists():
        return
    try:
        train_and_tell(read_job(file.read_text()))
    except UserError as error:
        refused.write_text(str(error))
        raise
