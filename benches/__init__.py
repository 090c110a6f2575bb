"""What is fast and how fast: pytest-benchmark files, each answering one question."""
