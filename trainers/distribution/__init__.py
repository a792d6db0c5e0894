"""Distribution strategies and the cluster that they run on."""
