"""Where people and machines come in: command line, terminal UI, renderers."""
