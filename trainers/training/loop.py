"""The training loop, for one device, several GPUs and several workers.

Keras's own `fit` does not run under `MultiWorkerMirroredStrategy` (keras issue 20585), and cannot
be resumed in the middle of an epoch.
"""

from __future__ import annotations

import math
import time
from collections.abc import Sequence

import keras
import numpy as np
import tensorflow as tf

from trainers.datasets.dataset import Dataset
from trainers.distribution import strategy as strategies
from trainers.errors import TrainingError, UserError
from trainers.options.run import RunConfig
from trainers.training import optimizer_factory, plateau, steps
from trainers.training.checkpoints import Checkpoints, TrainingProgress
from trainers.training.interruption import Interruption
from zoo.model import SAMPLE_WEIGHT, ZooModel

__all__ = ["fit"]

# Longest time, s, and number of steps between reads of the terms from the device.
_READ_SECONDS = 0.2
_READ_STEPS = 100
# Time that an interrupted worker waits for the chief to stop first, s.
_CHIEF_SECONDS = 10.0


def fit(
    model: ZooModel,
    dataset: Dataset,
    config: RunConfig,
    checkpoints: Checkpoints,
    strategy: tf.distribute.Strategy,
    callbacks: Sequence[keras.callbacks.Callback] = (),
) -> TrainingProgress:
    """Trains a model, from its last checkpoint if there is one.

    Training ends after `config.epochs`, or after `config.patience` epochs without a validation loss
    lower by more than `config.min_delta`. The model then has the weights of the last epoch, the
    checkpoint `best` those of the lowest validation loss.

    Args:
        model: The model, created in the scope of the strategy, adapted, not compiled.
        dataset: Splits `train` and, if it has examples, `validation`.
        config: The run.
        checkpoints: States of the run; only the chief writes.
        strategy: The strategy.
        callbacks: Called for epochs, and for batches whenever their terms are read from the device.
            The logs are the terms of the loss, `validation_*`, `learning_rate`,
            `images_per_second` and `data_wait_fraction`.

    Raises:
        UserError: if the data or the checkpoints do not fit the model or the replicas.
        TrainingError: if the loss or a weight is not finite. The last good checkpoint is kept.
    """
    return _Fit(model, dataset, config, checkpoints, strategy, callbacks).run()


class _Fit:
    def __init__(self, model, dataset, config, checkpoints, strategy, callbacks):
        self.model, self.dataset, self.config = model, dataset, config
        self.checkpoints, self.strategy = checkpoints, strategy
        self.chief = strategies.is_chief(strategy)
        replicas = strategy.num_replicas_in_sync
        if config.jit and replicas > 1:
            raise UserError(f"`jit` is for one replica; the strategy has {replicas}")
        # Keras checks the gradient of each replica alone for an overflow; replicas may disagree.
        if config.mixed_precision == "float16" and replicas > 1:
            raise UserError(
                f"`mixed_precision='float16'` is for one replica, bfloat16 for several; the "
                f"strategy has {replicas}"
            )
        examples = dataset.num_examples
        self.batch_size = steps.training_batch_size(config.batch_size, examples["train"], replicas)
        if self.batch_size < model.least_batch:
            raise UserError(
                f"`batch_size` must be at least {model.least_batch} for model "
                f"'{model.registry_name}'; got {self.batch_size}"
            )
        self.batches = examples["train"] // self.batch_size
        self.validates = examples.get("validation", 0) >= replicas
        with strategy.scope():
            factors = model.group_factors()
            made = {
                name: optimizer_factory.make(
                    config,
                    config.epochs * self.batches,
                    variables,
                    factors[name],
                    model.stage_steps,
                    model.group_updates.get(name, 1),
                    model.adam_betas,
                )
                for name, variables in model.parameter_groups().items()
            }
            model.compile(made, gradient_clip_norm=config.gradient_clip_norm)
            model.build_optimizers()
            self.progress = checkpoints.restore("last", model) or TrainingProgress()
        if self.progress.epoch > config.epochs:
            raise UserError(
                f"`epochs` must be at least {self.progress.epoch}, which the run in "
                f"{checkpoints.folder.parent} has had; got {config.epochs}"
            )
        self._check_workers_agree()
        self.train_step = steps.ReplicatedStep(model.train_step, strategy, config.jit)
        self.test_step = steps.ReplicatedStep(model.test_step, strategy, config.jit)
        self.callbacks = keras.callbacks.CallbackList(
            list(callbacks),
            model=model,
            epochs=config.epochs,
            steps=self.batches,
            batch_size=self.batch_size,
            first_epoch=self.progress.epoch,
        )
        self.saved = time.monotonic()

    def run(self) -> TrainingProgress:
        model, progress = self.model, self.progress
        model.stop_training = False
        with Interruption() as interruption:
            self.interruption = interruption
            self.callbacks.on_train_begin()
            try:
                while not self._is_over():
                    self.callbacks.on_epoch_begin(progress.epoch)
                    logs = self._train_epoch()
                    logs |= self._validate()
                    self._end_epoch(logs)
                    self._leave_if_asked()
                    if model.stop_training:
                        break
            except strategies.LOST_WORKER:
                # The other workers were interrupted too.
                if not interruption.asked:
                    raise
                interruption.leave()
            self.callbacks.on_train_end()
        return progress

    def _is_over(self) -> bool:
        patience = self.config.patience
        if (
            patience is not None
            and plateau.waited(self._losses(), self.config.min_delta) >= patience
        ):
            return True
        return self.progress.epoch >= self.config.epochs

    def _losses(self) -> list[float]:
        return [row.get("validation_loss", row["loss"]) for row in self.progress.history]

    def _train_epoch(self) -> dict[str, float]:
        progress = self.progress
        iterator = iter(
            self._batches(
                "train",
                self.batch_size,
                shuffle_seed=self.config.seed,
                epoch=progress.epoch,
                start_batch=progress.batch,
            )
        )
        pending = []
        begun = read = time.perf_counter()
        waited = 0.0
        while progress.batch + len(pending) < self.batches:
            asked = time.perf_counter()
            batch = self._next(iterator, progress.batch + len(pending))
            now = time.perf_counter()
            waited += now - asked
            first = not self.train_step.names
            pending.append(self.train_step(batch))
            last = progress.batch + len(pending) == self.batches
            full = len(pending) >= _READ_STEPS or now - read > _READ_SECONDS
            due = time.monotonic() - self.saved >= self.config.checkpoint_seconds
            if not (first or last or full or due or self.interruption.asked):
                continue
            images = len(pending) * self.batch_size
            self._read_back(pending)
            read = time.perf_counter()
            # Without the step that traces the graph.
            if not first:
                progress.images += images
                progress.seconds += read - begun
                progress.wait_seconds += waited
            begun, waited = read, 0.0
            self.callbacks.on_train_batch_end(progress.batch - 1, self._train_logs())
            # A state that has failed does not replace the last good one.
            if due and not last and self.model.failure(self._train_logs()) is None:
                self._save("last")
                begun = time.perf_counter()
            if not last:
                self._leave_if_asked()
        return self._train_logs()

    def _next(self, iterator, number: int):
        try:
            return next(iterator)
        except StopIteration:
            raise TrainingError(
                f"the dataset ended after {number} of the {self.batches} batches that its "
                f"number of examples promises"
            ) from None

    def _read_back(self, pending: list[tf.Tensor]) -> None:
        # Summed one by one, so that the sums do not depend on the time of the read.
        progress, names = self.progress, self.train_step.names
        for values in pending:
            terms = dict(zip(names, values.numpy().tolist(), strict=True))
            progress.batch += 1
            self._check_finite(terms, f"epoch {progress.epoch + 1}, batch {progress.batch}")
            for name, value in terms.items():
                progress.sums[name] = progress.sums.get(name, 0.0) + value
        pending.clear()

    def _check_finite(self, terms: dict[str, float], where: str) -> None:
        # A scaled float16 gradient may overflow; the optimiser then skips the step.
        bad = {
            name: value
            for name, value in terms.items()
            if not math.isfinite(value) and name != "gradient_norm"
        }
        if bad:
            shown = ", ".join(f"{name} = {value}" for name, value in terms.items())
            raise TrainingError(
                f"the loss is not finite in {where}: {shown}; the last good checkpoint is kept "
                f"in {self.checkpoints.folder} (a lower `learning_rate` may help)"
            )

    def _train_logs(self) -> dict[str, float]:
        progress = self.progress
        logs = {name: value / progress.batch for name, value in progress.sums.items()}
        rate = keras.ops.convert_to_numpy(self.model.optimizer.learning_rate)
        logs["learning_rate"] = float(rate)
        if progress.seconds:
            logs["images_per_second"] = progress.images / progress.seconds
            logs["data_wait_fraction"] = progress.wait_seconds / progress.seconds
        return logs

    def _validate(self) -> dict[str, float]:
        if not self.validates:
            return {}
        examples = self.dataset.num_examples["validation"]
        size = steps.validation_batch_size(
            self.config.batch_size, examples, self.strategy.num_replicas_in_sync
        )
        values = [self.test_step(batch) for batch in self._batches("validation", size)]
        means = np.mean([value.numpy() for value in values], axis=0, dtype=np.float64)
        terms = dict(zip(self.test_step.names, means.tolist(), strict=True))
        self._check_finite(terms, f"the validation after epoch {self.progress.epoch + 1}")
        return {f"validation_{name}": value for name, value in terms.items()}

    def _end_epoch(self, logs: dict[str, float]) -> None:
        progress = self.progress
        reason = self.model.failure(logs)
        if reason is not None:
            raise TrainingError(
                f"{reason}; the last good checkpoint is kept in {self.checkpoints.folder}"
            )
        progress.epoch += 1
        progress.history.append({"epoch": progress.epoch, **logs})
        loss = logs.get("validation_loss", logs["loss"])
        improved = progress.best_loss is None or loss < progress.best_loss
        if improved:
            progress.best_loss, progress.best_epoch = loss, progress.epoch
        progress.batch, progress.sums = 0, {}
        progress.images, progress.seconds, progress.wait_seconds = 0, 0.0, 0.0
        if self.config.schedule == "plateau":
            rate = optimizer_factory.learning_rate_after(self.config, self._losses())
            for optimizer in self.model.optimizers.values():
                optimizer.learning_rate = rate
        # `last` is written last: a run killed before repeats the epoch with all of this.
        if improved:
            self._save("best")
        self.callbacks.on_epoch_end(progress.epoch - 1, logs)
        self._save("last")

    def _batches(self, split: str, size: int, **options):
        labels = "label" in self.model.outcomes
        inputs = [name for name in self.model.input_names if name != "image"]
        features = inputs + [name for name in self.model.outcomes if name != "label"]
        features += [name for name in self.dataset.spec.feature_names if name == SAMPLE_WEIGHT]

        def as_objective_takes_it(batch):
            return batch | {name: tf.cast(batch[name], tf.float32) for name in inputs}

        def share(shard):
            batches = self.dataset.batches(
                split,
                size,
                drop_remainder=True,
                labels=labels,
                features=tuple(features),
                shard=shard,
                **options,
            )
            return batches.map(as_objective_takes_it) if inputs else batches

        return steps.distribute(self.strategy, share, size)

    def _save(self, name: str) -> None:
        if self.chief:
            self.checkpoints.save(name, self.model, self.progress)
        self.saved = time.monotonic()

    def _leave_if_asked(self) -> None:
        if not self.interruption.asked:
            return
        # The chief needs the others for its step; without it, they cannot continue.
        if self.chief or self.interruption.waited > _CHIEF_SECONDS:
            self._save("last")
            self.interruption.leave()

    def _check_workers_agree(self) -> None:
        done = self.progress.epoch * self.batches + self.progress.batch
        workers = strategies.total(self.strategy, 1.0)
        if strategies.total(self.strategy, done) != workers * done:
            raise UserError(
                "the workers see different checkpoints: `run_dir` must be on a file system "
                "that all of them share"
            )
