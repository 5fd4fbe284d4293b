# A thin layer over tools/dev.py, which does the work on every platform.
# Further arguments go in ARGS: make test ARGS="-k graph", make lab ARGS=--no-browser

# The first Python that is recent enough and truly runs (a version manager's shims can stand in for what is not there).
CANDIDATES := python3.13 python3.12 python3.11 python3 python
PYTHON ?= $(shell for candidate in $(CANDIDATES); do \
	$$candidate -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1 && echo $$candidate && break; done)
COMMANDS := lab test test-long lint types tidy bench soak front-end clean

.PHONY: help $(COMMANDS)

help:
	@$(PYTHON) tools/dev.py 2>&1 || true

$(COMMANDS):
	@test -n "$(PYTHON)" || { echo "flowloom needs Python 3.11 or newer, and none was found"; exit 1; }
	@exec $(PYTHON) tools/dev.py $@ $(ARGS)
