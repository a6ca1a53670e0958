#!/usr/bin/env bash
# Installs moto, whose server speaks S3: what the Hub keeps its bytes in when several replicas share them.
#
# Prints the server's program.
set -euo pipefail
# shellcheck source=scripts/prelude.sh
. "$(dirname -- "${BASH_SOURCE[0]}")/prelude.sh"

VERSION=5.2.5

programs=$("$PROJECT_ROOT/scripts/python-tool.sh" "moto==$VERSION" "moto[s3,server]==$VERSION")
# By its module: a program of the environment names the folder that it was made in.
program=$programs/serve-s3
if [[ ! -x $program ]]; then
    printf '#!/bin/sh\nexec "%s/python" -m moto.server "$@"\n' "$programs" >"$program.$$"
    chmod +x "$program.$$"
    mv "$program.$$" "$program"
fi
echo "$program"
