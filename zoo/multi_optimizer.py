"""Optimisers of a model, one for each group of its variables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import keras
import tensorflow as tf

from zoo import randomness
from zoo.scaled_adam import Adam

__all__ = ["MAIN", "Optimization"]

MAIN = "main"
"""Name of the only group of most models."""


class Optimization(keras.Model):
    """The methods of `ZooModel` that update its weights, by one optimiser or several."""

    gradient_clip_norm: float | None = None
    optimizers: Mapping[str, keras.optimizers.Optimizer] = {}
    """The optimiser of each of `parameter_groups`, once the model is compiled."""

    adam_betas: tuple[float, float] = (0.9, 0.999)
    """Decay rates of the two moments of Adam, where the model is trained with it."""

    def parameter_groups(self) -> dict[str, list[keras.Variable]]:
        """Returns the trained variables of each optimiser; default all of them, as "main".

        The steps of the first one, `optimizer`, are those of the model.
        """
        return {MAIN: self.trainable_variables}

    @property
    def group_updates(self) -> dict[str, int]:
        """Updates of the weights in a step, by name of the group; those left out have one.

        A learning-rate schedule counts steps of the model in every group.
        """
        return {}

    @property
    def stage_steps(self) -> tuple[int, ...]:
        """Steps at which a further stage of the training begins, with its own learning rates.

        A schedule that ends at zero does so at the end of each stage. Default none.
        """
        return ()

    def learning_rate_factors(self) -> list[float]:
        """Returns what the learning rate is multiplied by, for each of `trainable_variables`."""
        return [1.0] * len(self.trainable_variables)

    def group_factors(self) -> dict[str, list[float]]:
        """Returns `learning_rate_factors` by group, in the order of the group's variables."""
        variables = self.trainable_variables
        factors = dict(zip(map(id, variables), self.learning_rate_factors(), strict=True))
        return {
            name: [factors[id(variable)] for variable in group]
            for name, group in self.parameter_groups().items()
        }

    def compile(
        self,
        optimizer: keras.optimizers.Optimizer
        | str
        | Mapping[str, keras.optimizers.Optimizer]
        | None = None,
        gradient_clip_norm: float | None = None,
        jit_compile: bool = False,
    ) -> None:
        """Sets the optimisers.

        Args:
            optimizer: Keras optimiser without clipping of its own, or its name; a model with
                several optimisers has one like it for each group, or takes a dictionary of them.
                Default Adam with a learning rate of 1e-3, times `learning_rate_factors`.
            gradient_clip_norm: Largest allowed global norm of the gradient, over the global batch,
                of each group; None for no limit.
            jit_compile: Whether XLA compiles the steps of `fit` and `evaluate`. Default False.

        Raises:
            ValueError: if a dictionary has other names than `parameter_groups`.
        """
        groups = self.parameter_groups()
        with self.distribute_strategy.scope():
            if optimizer is None:
                made = {name: Adam(1e-3, *self.adam_betas) for name in groups}
                for name, factors in self.group_factors().items():
                    made[name].factors = tuple(factors)
            elif isinstance(optimizer, Mapping):
                made = {name: optimizer[name] for name in groups if name in optimizer}
                if set(groups) != set(optimizer):
                    raise ValueError(
                        f"optimizer must have one for each of {', '.join(groups)}; "
                        f"got {', '.join(optimizer)}"
                    )
            else:
                first, *others = groups
                main = keras.optimizers.get(optimizer)
                copies = {name: type(main).from_config(main.get_config()) for name in others}
                made = {first: main, **copies}
        super().compile(optimizer=next(iter(made.values())), jit_compile=jit_compile)
        # Keras would take a dictionary for layers, and save it with the weights.
        object.__setattr__(self, "optimizers", made)
        self.gradient_clip_norm = gradient_clip_norm

    def build_optimizers(self) -> None:
        """Makes the variables of the optimisers."""
        with self.distribute_strategy.scope():
            for name, variables in self.parameter_groups().items():
                if not self.optimizers[name].built:
                    self.optimizers[name].build(variables)

    @property
    def optimizer_variables(self) -> list[keras.Variable]:
        """Variables of all optimisers, in the order of `parameter_groups`."""
        return [v for optimizer in self.optimizers.values() for v in optimizer.variables]

    @property
    def step_count(self) -> tf.Tensor:
        """Number of training steps so far, scalar integer; each takes one batch."""
        # `iterations` of an optimiser that accumulates gradients counts updates of the weights,
        # and noise differs from batch to batch.
        optimizer = getattr(self.optimizer, "inner_optimizer", self.optimizer)
        return optimizer._iterations.value

    def scaled_loss(self, loss: tf.Tensor, group: str | None = None) -> tf.Tensor:
        """Returns the loss whose gradient `apply_gradients` takes, inside of the tape.

        Args:
            loss: Mean over this replica's share of the batch.
            group: Name of the optimiser; None for the first.
        """
        # The optimiser sums over replicas.
        return self._optimizer_of(group).scale_loss(loss / randomness.replica_count())

    def apply_gradients(
        self, tape: tf.GradientTape, loss: tf.Tensor, group: str | None = None
    ) -> dict[str, tf.Tensor]:
        """Updates the variables of a group; returns the norm of the gradient if it is clipped.

        Args:
            tape: Has recorded the loss.
            loss: What `scaled_loss` returned.
            group: Name of the optimiser; None for the first.

        Returns:
            `gradient_norm`, or `gradient_norm_<group>` where a group is named; else nothing.
        """
        groups = self.parameter_groups()
        variables = groups[group or next(iter(groups))]
        gradients = tape.gradient(
            loss,
            [variable.value for variable in variables],
            # A loss may leave some weights alone, such as the head of a network being adapted.
            unconnected_gradients=tf.UnconnectedGradients.ZERO,
        )
        terms = {}
        optimizer = self._optimizer_of(group)
        if self.gradient_clip_norm is not None:
            name = f"gradient_norm_{group}" if group else "gradient_norm"
            gradients, terms[name] = self._clip(gradients, optimizer)
        optimizer.apply(gradients, variables)
        return terms

    def keep(
        self,
        variables: Sequence[keras.Variable],
        values: Sequence[tf.Tensor],
        kept: tf.Tensor,
    ) -> None:
        """Gives variables their earlier values again, after `apply_gradients`, on every replica.

        Args:
            variables: Trained variables.
            values: What they held before.
            kept: Scalar bool; where it is false nothing changes.
        """
        values = [
            tf.where(kept, old, each.value) for each, old in zip(variables, values, strict=True)
        ]

        def assign(strategy: tf.distribute.Strategy, *values: tf.Tensor) -> None:
            for each, value in zip(variables, values, strict=True):
                strategy.extended.update(
                    each.value, lambda variable, new: variable.assign(new), args=(value,)
                )

        # A trained variable of several replicas cannot be assigned from within one of them.
        tf.distribute.get_replica_context().merge_call(assign, args=tuple(values))

    def _optimizer_of(self, group: str | None) -> keras.optimizers.Optimizer:
        return self.optimizers[group] if group else self.optimizer

    def _clip(
        self, gradients: Sequence[tf.Tensor], optimizer: keras.optimizers.Optimizer
    ) -> tuple[list[tf.Tensor], tf.Tensor]:
        # The norm is that of the sum over replicas, so that the number of replicas changes
        # nothing; the clipped share of each replica is what the optimiser then sums.
        replicas = randomness.replica_count()
        # A `LossScaleOptimizer` changes its scale as it goes.
        scale = getattr(optimizer, "dynamic_scale", optimizer.loss_scale_factor or 1.0)
        if replicas > 1:
            context = tf.distribute.get_replica_context()
            total = context.all_reduce(tf.distribute.ReduceOp.SUM, gradients)
        else:
            total = gradients
        norm = tf.linalg.global_norm(total) / scale
        factor = tf.minimum(1.0, self.gradient_clip_norm / (norm + 1e-12))
        return [gradient * tf.cast(factor, gradient.dtype) for gradient in gradients], norm
