#!/bin/bash
# Installs what Doorward needs on Debian 12 or newer: tools/setup.sh [build|test|bench]...
#
# Why: a fresh machine should need one command. Defends against half-installed states (a lock, a stamp for each
# node_modules) and against addresses in the repository (everything comes from the machine's own apt and npm settings).
# It says what it does, asks nothing, and is silent and quick when all is there. It never removes a package.
set -euo pipefail
cd "$(dirname "$0")/.."

build_packages=(gcc make meson ninja-build pkg-config python3 zlib1g-dev libuv1-dev libwslay-dev libssl-dev libargon2-dev
                libcrypt-dev libsqlite3-dev libpq-dev libcurl4-openssl-dev libpcre2-dev libidn2-dev libunistring-dev uthash-dev
                libqrencode-dev libpng-dev libhiredis-dev)
test_packages=(libcmocka-dev postgresql postgresql-contrib openssl clang clang-tidy clang-format libclang-rt-14-dev chromium curl sqlite3 jq g++
               binutils zbar-tools doxygen mandoc man-db systemd nginx haproxy caddy faketime
               redis-tools) # which has the server's program without its service
bench_packages=(wrk curl jq postgresql postgresql-contrib python3-fastapi uvicorn python3-jose python3-sqlalchemy python3-passlib python3-bcrypt
                python3-multipart python3-uvloop python3-httptools libjwt-dev libcjose-dev)
# Debian 13 has these; on Debian 12 they are taken from its archive (see install_newer below).
newer_packages=(libllhttp9.2 libllhttp-dev libyyjson0 libyyjson-dev)
newer_release=trixie

want=()
npm_folders=()

usage() {
    echo "usage: tools/setup.sh [build|test|bench]..." >&2
    exit 2
}

say() {
    echo "setup: $*" >&2
}

fail() {
    say "$*"
    exit 1
}

choose() {
    local profile

    for profile in "${@:-build}"; do
        want+=("${build_packages[@]}")
        npm_folders+=(web)
        case "$profile" in
        build) ;;
        test) want+=("${test_packages[@]}"); npm_folders+=(tests/e2e) ;;
        bench) want+=("${bench_packages[@]}") ;;
        *) usage ;;
        esac
    done
    # Node from elsewhere than Debian brings npm along and conflicts with Debian's.
    if ! command -v npm >/dev/null; then
        want+=(nodejs npm)
    fi
    # The sanitizers' run-time library is named after clang's version, which is 14 on Debian 12 alone.
    if [ "$(codename)" != bookworm ]; then
        want=("${want[@]/libclang-rt-14-dev/libclang-rt-dev}")
    fi
}

codename() {
    # shellcheck disable=SC1091
    (. /etc/os-release && echo "${VERSION_CODENAME:-}")
}

missing() {
    local installed

    installed=" $(dpkg-query -W -f '${db:Status-Status}=${Package} ' "$@" 2>/dev/null || true)"
    for package in "$@"; do
        [[ "$installed" == *" installed=$package "* ]] || echo "$package"
    done | sort -u
}

as_root() {
    if [ "$(id -u)" -eq 0 ]; then
        env DEBIAN_FRONTEND=noninteractive "$@"
    elif command -v sudo >/dev/null; then
        sudo DEBIAN_FRONTEND=noninteractive "$@"
    else
        fail "this needs root, and there is no sudo: run 'tools/setup.sh' as root once"
    fi
}

# One at a time: two builds that start together would fight for dpkg's and npm's locks.
take_lock() {
    exec 9>"/tmp/doorward-setup-$(id -u).lock"
    flock -n 9 || { say "waiting for another setup to finish"; flock 9; }
}

# Databases and proxies are wanted as programs: the stories run their own. Nothing is started as a service, unless this
# machine has a policy of its own.
install_packages() {
    local policy=/usr/sbin/policy-rc.d is_ours=false status=0

    say "installing: $*"
    if [ ! -e "$policy" ]; then
        is_ours=true
        printf '#!/bin/sh\nexit 101\n' | as_root install -m 755 /dev/stdin "$policy"
    fi
    as_root apt-get install -y -q --no-install-recommends -o DPkg::Lock::Timeout=300 "$@" >&2 || status=$?
    if "$is_ours"; then
        as_root rm -f "$policy"
    fi
    return "$status"
}

# The machine's own Debian sources (one-line and deb822 alike: apt itself reads them), the release's name replaced.
# Third-party sources are left out by the Origin that their Release file states; backports and the like by name.
newer_sources() {
    local keyring=/usr/share/keyrings/debian-archive-keyring.gpg options="" old

    old=$(codename)
    [ -r "$keyring" ] && options="[signed-by=$keyring] "
    apt-get indextargets --format '$(ORIGIN) $(RELEASE) $(COMPONENT) $(REPO_URI)' 'Created-By: Packages' |
        awk -v old="$old" -v new="$newer_release" -v options="$options" '
            $1 == "Debian" && $3 == "main" && ($2 == old || $2 == old "-updates" || $2 == old "-security") {
                sub("^" old, new, $2)
                print "deb " options $4 " " $2 " main"
            }' | sort -u
}

newer_apt() {
    local dir=$1

    shift
    apt-get -q -o Dir::Etc::SourceList="$dir/sources.list" -o Dir::Etc::SourceParts=/dev/null \
        -o Dir::Etc::Preferences=/dev/null -o Dir::Etc::PreferencesParts=/dev/null -o APT::Default-Release= \
        -o Dir::State::Lists="$dir/lists" -o Dir::Cache="$dir/cache" -o APT::Sandbox::User= "$@" >&2
}

install_newer() {
    local dir debs

    if [ "$(codename)" != bookworm ]; then
        install_packages "$@"
        return
    fi
    dir=$(mktemp -d)
    # shellcheck disable=SC2064
    trap "rm -rf '$dir'" EXIT
    mkdir -p "$dir/lists/partial" "$dir/cache/archives/partial" "$dir/debs"
    newer_sources >"$dir/sources.list"
    [ -s "$dir/sources.list" ] || fail "found no Debian source in this machine's apt settings"
    say "fetching from Debian's $newer_release archive: $*"
    # A mirror may lack one of the suites; what counts is whether the packages can be had.
    newer_apt "$dir" update || say "some of the $newer_release lists could not be read"
    (cd "$dir/debs" && newer_apt "$dir" download "$@") ||
        fail "could not fetch: $* (is debian-archive-keyring up to date?)"
    debs=("$dir"/debs/*.deb)
    install_packages "${debs[@]}"
    rm -rf "$dir"
    trap - EXIT
}

install_debian() {
    local lacking newer

    mapfile -t lacking < <(missing "${want[@]}")
    mapfile -t newer < <(missing "${newer_packages[@]}")
    [ $((${#lacking[@]} + ${#newer[@]})) -gt 0 ] || return 0
    take_lock
    mapfile -t lacking < <(missing "${want[@]}")
    mapfile -t newer < <(missing "${newer_packages[@]}")
    [ $((${#lacking[@]} + ${#newer[@]})) -gt 0 ] || return 0
    say "reading the package lists"
    as_root apt-get update -q >&2 || say "some package lists could not be read"
    [ ${#lacking[@]} -eq 0 ] || install_packages "${lacking[@]}"
    if [ ${#newer[@]} -gt 0 ]; then
        # Bookworm's first keyring did not know the newer release's keys; its update does.
        [ "$(codename)" != bookworm ] || ls /usr/share/keyrings/*"$newer_release"* >/dev/null 2>&1 ||
            install_packages debian-archive-keyring
        install_newer "${newer[@]}"
    fi
}

npm_stamp() {
    sha256sum "$1/package-lock.json" | cut -d ' ' -f 1
}

npm_ready() {
    [ "$(cat "$1/node_modules/.doorward-stamp" 2>/dev/null)" = "$(npm_stamp "$1")" ]
}

install_npm() {
    local folder

    for folder in "${npm_folders[@]}"; do
        [ -f "$folder/package-lock.json" ] || continue
        ! npm_ready "$folder" || continue
        take_lock
        ! npm_ready "$folder" || continue
        say "installing the npm packages of $folder/"
        npm ci --prefix "$folder" --ignore-scripts --no-audit --no-fund --loglevel=error >&2 </dev/null
        npm_stamp "$folder" >"$folder/node_modules/.doorward-stamp"
    done
}

choose "$@"
install_debian
install_npm
