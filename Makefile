# Two commands for a fresh machine with Python 3.11 or newer and git: `make demo` and `make test`.
# Windows without make: `py tools/dev.py demo` and `py tools/dev.py test` are the same.
PYTHON ?= python3

.PHONY: demo test format readme clean

demo test format readme clean:
	@$(PYTHON) tools/dev.py $@
