"""One module a widget. A widget takes a view and shows it."""
