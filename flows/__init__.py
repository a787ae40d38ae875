"""When things run: Prefect flows, their tasks, the command line."""
