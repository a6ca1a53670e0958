#!/usr/bin/env bash
# Prints, as one JSON object, the settings that a build needs to reach the package index the way this machine does.
#
# They are the value of the Hub's setting `[builds.environment]` (HUB_BUILDS__ENVIRONMENT) and are never baked into the
# base image: pip's index and timeouts (from its own configuration files and PIP_*), proxies, and the certificates.
# Paths mean nothing inside a container, so local directories are left out, and every certificate variable that is set
# here points at the bundle that scripts/base-image.sh puts into the image. An index address can hold a password: treat
# the output as a secret.
set -euo pipefail
# shellcheck source=scripts/prelude.sh
. "$(dirname -- "${BASH_SOURCE[0]}")/prelude.sh"

BUNDLE=/etc/ssl/certs/ca-certificates.crt

# `pip config` knows every place where pip looks; without pip its environment variables are all that can matter here.
# Lines are `global.index-url='…'`, `install.…`, `:env:.…`; the later, stronger source wins below.
pip_settings() {
    if have python3 && python3 -m pip --version >/dev/null 2>&1; then
        python3 -m pip config list 2>/dev/null
    else
        env | sed -nE "s/^PIP_([A-Z_]+)=(.*)$/:env:.\L\1\E='\2'/p"
    fi | sed -nE "s/^(global|install|:env:)\.([A-Za-z_-]+)='(.*)'$/\2=\3/p"
}

declare -A settings=()
while IFS='=' read -r key value; do
    key=PIP_${key//-/_}
    # pip shows a list of addresses as one line with written-out line ends.
    value=${value//\\n/ }
    case ${key^^} in
    PIP_INDEX_URL | PIP_EXTRA_INDEX_URL | PIP_TRUSTED_HOST | PIP_DEFAULT_TIMEOUT | PIP_TIMEOUT | PIP_RETRIES | PIP_PROXY | PIP_NO_INDEX)
        settings[${key^^}]=$value
        ;;
    PIP_FIND_LINKS)
        # A directory of this machine is not there in a build.
        if [[ $value == *://* && $value != file:* ]]; then settings[PIP_FIND_LINKS]=$value; fi
        ;;
    PIP_CERT)
        settings[PIP_CERT]=$BUNDLE
        ;;
    esac
done < <(pip_settings)

for name in HTTP_PROXY HTTPS_PROXY ALL_PROXY NO_PROXY; do
    lower=${name,,}
    value=${!name:-${!lower:-}}
    if [[ -n $value ]]; then
        settings[$name]=$value
        settings[$lower]=$value
    fi
done

for name in SSL_CERT_FILE REQUESTS_CA_BUNDLE CURL_CA_BUNDLE GIT_SSL_CAINFO; do
    if [[ -n ${!name:-} ]]; then settings[$name]=$BUNDLE; fi
done

json_string() {
    local text=${1//\\/\\\\}
    text=${text//\"/\\\"}
    text=${text//$'\t'/\\t}
    printf '"%s"' "$text"
}

separator=
printf '{'
for name in $(printf '%s\n' "${!settings[@]}" | LC_ALL=C sort); do
    printf '%s%s:%s' "$separator" "$(json_string "$name")" "$(json_string "${settings[$name]}")"
    separator=,
done
printf '}\n'
