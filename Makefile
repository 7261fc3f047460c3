# Every target sets up what it needs first; see deploy/setup.sh.
PYTHON = .venv/bin/python
ARGS ?=
DB ?= any
S3 ?= rclone
# Of the bench, between commas; by default all.
ROWS ?=
COMMA = ,
# Processes of the suite, each with servers of its own. They take files in the order of their names: those of browser, chaos
# and e2e, which last longest, would else begin last, since they hold the fewest tests.
JOBS ?= 2
.DEFAULT_GOAL = help
# As in supervisord.conf, and for the same reason.
export PYTHONNODEBUGRANGES = 1
ifeq ($(filter any mysql,$(DB)),)
$(error DB=$(DB): choose mysql, or leave it out)
endif
# Before a command that brings servers of its own.
ON_DB = $(if $(filter mysql,$(DB)),server=$$(deploy/mysql.sh) && export SINPLUMA_DATABASE_SERVER="$$server" &&)

SIDE_BY_SIDE = -n $(JOBS) --dist loadfile --no-loadscope-reorder

.PHONY: help run test check bench chaos requirements

help: ## what each target does; also what `make` alone prints
	@sed -n 's/^\([a-z-]\{1,\}\):.*## \(.*\)/\1|\2/p' Makefile | \
		while IFS='|' read -r target does; do printf 'make %-13s %s\n' "$$target" "$$does"; done

run: ## set up and run the whole service until Ctrl-C
	@deploy/setup.sh run
	@exec $(PYTHON) run.py up

test: ## the test suite, on services of its own: make test ARGS="-k publish"; DB=mysql and S3=swift choose other servers
	@deploy/setup.sh test
	@$(ON_DB) echo "$(PYTHON) -m pytest --s3 $(S3) $(SIDE_BY_SIDE) $(ARGS)" && $(PYTHON) -m pytest --s3 $(S3) $(SIDE_BY_SIDE) $(ARGS)

check: ## formatting, lint, types, the desk, known vulnerabilities
	@deploy/setup.sh check
	$(PYTHON) -m ruff format --check .
	$(PYTHON) -m ruff check .
	$(PYTHON) -m mypy
	$(PYTHON) -m deploy.web check
	$(PYTHON) -m deploy.audit

bench: ## every promise of speed, as a ratio: make bench ROWS=save,read; DB=mysql as above
	@deploy/setup.sh test
	@$(ON_DB) $(PYTHON) -m bench $(subst $(COMMA), ,$(ROWS)) $(ARGS)

chaos: ## the long fault-injection runs: make chaos ARGS="killing --seed 7"; DB=mysql as above
	@deploy/setup.sh test
	@$(ON_DB) $(PYTHON) -m tests.chaos $(ARGS)

# Hashes of all platforms' files; --no-config and no pip settings, so that neither the
# registry nor local wheels of the machine that runs this end up in the files.
COMPILE = .venv/bin/uv pip compile --no-config --generate-hashes --python-version 3.11 \
	--custom-compile-command "make requirements" --quiet

requirements: ## pin requirements*.in anew (UPGRADE=--upgrade takes newer versions)
	@deploy/setup.sh lock
	$(COMPILE) $(UPGRADE) requirements.in -o requirements.txt
	$(COMPILE) $(UPGRADE) --no-emit-package pip requirements-dev.in -o requirements-dev.txt
	$(COMPILE) $(UPGRADE) requirements-node.in -o requirements-node.txt
	$(COMPILE) tests/pips/debian-12.in -o tests/pips/debian-12.txt
	$(COMPILE) $(UPGRADE) tests/pips/newest.in -o tests/pips/newest.txt
