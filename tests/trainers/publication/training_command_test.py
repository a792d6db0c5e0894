"""The command that a run's configuration stands for, read again by the command itself."""

import dataclasses
import shlex

import tensorflow as tf

from trainers.cli.run_options import parse_run
from trainers.publication.training_command import training_command


class TrainingCommandTest(tf.test.TestCase):
    def check(self, *options, command=None):
        config = parse_run(list(options))
        written = training_command(dataclasses.replace(config, run_dir="runs/a"))
        words = shlex.split(written)
        self.assertEqual(words[:3], ["python", "-m", "trainers.run"])
        self.assertEqual(parse_run(words[3:]), config)
        if command is not None:
            self.assertEqual(written, f"python -m trainers.run {command}")

    def test_recipe_alone(self):
        self.check("--model", "vae_mixture", command="--model vae_mixture")
        self.check(
            "--model", "gz_cnn", "--recipe", "paper", command="--model gz_cnn --recipe paper"
        )

    def test_options(self):
        self.check("--model", "vae", "--epochs", "3", "--jit", "--max_examples", "9", "8", "7")
        self.check("--model", "vae", "--noise_sigma", "0.5", "--gradient_clip_norm", "2.5")
        self.check("--model", "gz_cnn", "--dataset", "galaxy_zoo_decals/simulated/task=bar")
        self.check(
            *("--model", "invariant_vae", "--dataset", "image_folder", "--data_dir", "galaxies"),
            *("--image_shape", "64", "64", "3", "--classes", "a", "b=c,d", "--hp", "latent_dim=8"),
            'preprocessing=[{"name": "centre_crop", "size": 96}, "standardize"]',
        )

    def test_of_paths_the_name_is_kept(self):
        config = parse_run(
            ["--model", "blendhunter", "--hp", "weights=/home/me/vgg16.h5", "dropout=0.2"]
        )
        self.assertEqual(
            training_command(config),
            "python -m trainers.run --model blendhunter --hp weights=vgg16.h5 dropout=0.2",
        )


if __name__ == "__main__":
    tf.test.main()
