"""The ground floor, which knows no trading: time, files, configuration, logs, tasks."""
