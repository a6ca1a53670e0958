# The commands of the README. Each does the set-up that it needs; what is there already is used. `make` lists them.

SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.PHONY: help run test check setup base-image clients docker-engine sqlx clean

help: ## list these commands
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' Makefile

run: ## set up what is missing and run the Hub (ARGS='--listen …' adds flags)
	@scripts/run-hub.sh $(ARGS)

test: ## set up what is missing and run every test (ARGS=… goes to the test runner)
	@scripts/run-tests.sh $(ARGS)

check: ## formatting, lints, documentation, licences: all of CI but the tests
	@.ci/run check

setup: ## PostgreSQL's programs, a Docker Engine, the base image, the Python clients
	@scripts/postgres-binaries.sh >/dev/null
	@scripts/python-clients.sh >/dev/null
	@eval "$$(scripts/docker-engine.sh start)"; scripts/base-image.sh >/dev/null

docker-engine: ## find or start a Docker Engine and say where it is
	@scripts/docker-engine.sh start

base-image: ## make the Python base image and prove that it can pip install (ARGS='--with jina==3.27.1' bakes packages in)
	@eval "$$(scripts/docker-engine.sh start)"; scripts/base-image.sh --check $(ARGS)

clients: ## every generation of the real clients, and a try of each against a stub
	@clients=$$(scripts/python-clients.sh $$(scripts/python-clients.sh --list)); python3 tests/sdk/try_drive.py "$$clients"

sqlx: ## remake .sqlx, the description of every query
	@scripts/sqlx-prepare.sh

clean: ## remove what was built and cached (not the Hub's data, not the Docker Engine: scripts/docker-engine.sh stop)
	@rm -rf target .cache
