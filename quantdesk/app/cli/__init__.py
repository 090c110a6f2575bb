"""One module a verb. Standard output is data, standard error is talk."""
