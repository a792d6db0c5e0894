"""Publications done again: `python -m trainers.reproduce NAME`.

Each file that `__main__` names has a `run(arguments)` that does a set of runs with the project's
own trainer and writes one report with the published numbers beside ours.
"""
