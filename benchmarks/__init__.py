"""Speed, always as a ratio to a peer or to a limit measured in the same run.

python -m benchmarks                    all of them
python -m benchmarks.training_step      `vae` beside the same network in PyTorch
python -m benchmarks.stamp_generation   `simulated_blends` beside a loop of GalSim's drawImage
python -m benchmarks.input_pipeline     batches from memory beside the steps that take them

They need the extra `bench`.
"""
