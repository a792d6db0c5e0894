"""Statistics and measurements that evaluators share."""
