"""The loop, its steps and states, and training in two stages."""
