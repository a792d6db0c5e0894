"""Speed, always as a ratio to a peer or to a limit measured in the same run.

python -m benchmarks                            one table; `--help` lists its rows
python -m benchmarks.training_step              two models beside the same networks in PyTorch
python -m benchmarks.model_steps                every model beside products of matrices
python -m benchmarks.onednn                     every model with oneDNN's kernels and without
python -m benchmarks.input_pipeline             batches from memory beside the steps that take them
python -m benchmarks.stamp_generation           `simulated_blends` beside a loop of drawImage
python -m benchmarks.feature_extraction         VGG-16 of `blendhunter` beside products of matrices
python -m benchmarks.blend_classifiers          SEP beside `blendhunter` and `blend_cnn`
python -m benchmarks.blendhunter_end_to_end     stamps to scores beside the published 630 s

They need the extra `bench`.
"""
