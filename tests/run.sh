#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Installs what the tests need on a fresh machine, builds, and runs them through ctest.
set -euo pipefail
cd "$(dirname "$0")/.."

usage() {
  cat <<'TXT'
Usage: tests/run.sh [PART...]

Without arguments all that CI runs: style asan tsan fuzz window e2e fault-short

  style    clang-format, shell scripts, pages, the form of the newest commits, the size of the core's classes and files
  tidy     clang-tidy over what was changed since the branch left main, or in the last ten commits (TIDY_BASE: since
           that commit)
  tidy-all clang-tidy over all programs, half an hour; not part of the default run
  unit     the core with a fake hypervisor and a manual clock; debug build
  adapter  the real libvirt client on test:///, the real bus code on private buses; debug build
  ctl      virtsessionctl on a terminal and in a pipe, and the commands of pages, against the real daemon on test:///;
           debug build
  window   the window on a screen of its own, against the real daemon on test:///, and its translations; release build
  asan     unit, adapter and ctl tests under the address, leak and undefined behaviour sanitizers
  tsan     unit and adapter tests under the thread sanitizer
  fuzz     the fuzzers, 20 seconds each (FUZZ_SECONDS)
  e2e      real logins, real libvirt and real guests in a throwaway host (root)
  selftest is the throwaway host itself what the e2e tests take it for? not part of the default run
  bench    the measurements in contrib/docs/numbers.md; not part of the default run (BENCH_OTHER: the virtsessiond of another build,
           measured in turn with this one)
  packages the Debian package: built, and lintian; not part of the default run
  package  the same, and from installation to purge in throwaway hosts; not part of the default run
  compat [oldest|trixie|forky|virtqemud]...
           other systems, each in a folder (tests/compat/leg): built; unit, adapter, ctl and window tests; on throwaway
           hosts of it all of e2e, and the package; not part of the default run
  clients  other programs that use libvirt, in throwaway hosts of a Debian that has them, made below build/clients; not
           part of the default run
  packages-only
           installs what building and testing need, and does nothing else
  fault-short
           six kills of what keeps VMs
  fault    what keeps VMs is killed at random moments, and users log out and hosts reboot: a few of each; not part of
           the default run. FAULT_LONG=1 has 500 kills, 50 logouts and 20 reboots (FAULT_KILLS, FAULT_LOGOUTS,
           FAULT_REBOOTS); FAULT_SEED replays, FAULT_FILTER=PATTERN picks test cases

E2E_FILTER=PATTERN picks test cases of e2e and clients by name. PRESET=NAME has unit, adapter, ctl and window built
otherwise: PRESET=asan tests/run.sh window runs the window under the address sanitizer.
TXT
}

test_packages=(ansible-core ccache doctest-dev clang clang-format clang-tidy libclang-rt-dev llvm
  shellcheck libgtkmm-4.0-dev libadwaita-1-dev gettext xvfb at-spi2-core gir1.2-atspi-2.0 adwaita-icon-theme librsvg2-common
  fonts-cantarell gsettings-desktop-schemas appstream desktop-file-utils locales
  dbus dbus-bin gjs libglib2.0-bin python3-dbusmock python3-gi python3-prometheus-client python3-yaml
  systemd systemd-sysv systemd-container bash-completion zsh fish busybox-static cpio git iproute2 kmod lz4 mandoc
  dropbear-bin openssh-client openssh-sftp-server ovmf passt polkitd procps swtpm swtpm-tools util-linux
  util-linux-extra)

as_root() { if [ "$(id -u)" = 0 ]; then "$@"; else sudo "$@"; fi; }

install_packages() {
  contrib/install.sh --packages-only
  local missing=() package
  for package in "${test_packages[@]}"; do
    dpkg-query -W -f='${db:Status-Status}' "$package" 2>/dev/null | grep -qx installed || missing+=("$package")
  done
  [ ${#missing[@]} -gt 0 ] || return 0
  echo "== Installing packages for the tests: ${missing[*]}"
  as_root apt-get update -q
  as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends "${missing[@]}"
}

# The same file compiles to the same thing in any clone, and for a user who takes warnings for warnings.
export CCACHE_BASEDIR=$PWD CCACHE_NOHASHDIR=1 CCACHE_IGNOREOPTIONS=-Werror
jobs=${VIRTSESSION_JOBS:-$(nproc)}
test_jobs=$((jobs + 1))  # tests wait, too
declare -A built
build() {  # preset, targets (all)
  [ -n "${built[$*]:-}" ] && return 0
  echo "== Building: $1"
  cmake --preset "$1" >"build/$1-configure.log" 2>&1 || { cat "build/$1-configure.log"; return 1; }
  cmake --build --preset "$1" -j "$jobs" "${@:2}"
  built[$*]=yes
}

test_with() {  # preset, labels
  local labels=("${@:2}")
  build "$1" --target "${labels[@]/%/_tests}"
  echo "== Testing: ${*:2} ($1)"
  ctest --preset "$1" -L "^($(IFS='|' && echo "${*:2}"))\$" -j "$test_jobs"
}

window() {
  test_with "${PRESET:-release}" window
  appstreamcli validate --no-net contrib/window/data/*.metainfo.xml
  desktop-file-validate "build/${PRESET:-release}"/contrib/window/*.desktop
}

e2e() {
  build release --target virtsessiond virtsessionctl e2e
  echo "== Testing in throwaway hosts"
  if [ -n "${E2E_FILTER:-}" ]; then
    ctest --preset release -L '^e2e$' -R '^e2e_(install|guests|source|system_libvirt)$'
    build/release/tests/e2e --duration=true --test-case="$E2E_FILTER"
  else
    ctest --preset release -L '^e2e$' -j "$test_jobs"
  fi
}

selftest() {
  build release --target e2e_selftest
  ctest --preset release -L '^(e2e|selftest)$' -R '^e2e_(guests|selftest)$' --verbose
}

bench() {
  build release --target virtsessiond virtsessionctl bench bench_growth
  ctest --preset release -L '^e2e$' -R '^e2e_(install|guests)$'
  build/release/tests/bench
  build/release/tests/bench_growth
}

fault() {
  build release --target virtsessiond fault
  ctest --preset release -L '^e2e$' -R '^e2e_(install|guests)$'
  build/release/tests/fault --duration=true --test-case="${FAULT_FILTER:-*}"
}

# Some of its kills, always the same ones.
fault_short() { FAULT_KILLS=${FAULT_KILLS:-6} FAULT_FILTER='SIGKILLs*' fault; }

packages() {
  as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends dpkg-dev file lintian
  build package
  local packages=build/package/packages revision
  rm -rf "$packages"
  for revision in 1 2; do cpack --preset package -D CPACK_DEBIAN_PACKAGE_RELEASE=$revision; done
  echo "== lintian"
  # Whoever built it answers for it: it was uploaded nowhere, and closes no bug there.
  lintian --fail-on error --suppress-tags initial-upload-closes-no-bugs "$packages"/*-1_*deb
}

package() {
  packages
  build release --target package_test
  ctest --preset release -L '^e2e$' -R '^e2e_guests$'
  echo "== Testing the package in throwaway hosts"
  VIRTSESSION_PACKAGES=build/package/packages build/release/tests/package_test --duration=true
}

compat() {
  as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends debootstrap
  local leg
  for leg in "${legs[@]:-${all_legs[@]}}"; do tests/compat/leg "$leg"; done
}

clients() {
  as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends debootstrap
  tests/e2e/clients/client-root build/clients
  build release --target virtsessiond virtsessionctl
  ctest --preset release -L '^e2e$' -R '^e2e_(install|guests)$'
  echo "== Testing with other clients in throwaway hosts"
  # shellcheck source=/dev/null
  VIRTSESSION_TEST_LOWER=$PWD/build/clients/$(. /etc/os-release && echo "$VERSION_CODENAME") \
    python3 -m unittest discover -v -s tests/e2e/clients -p '*_test.py' ${E2E_FILTER:+-k "$E2E_FILTER"}
}

style() {
  echo "== Style"
  git ls-files '*.cpp' '*.hpp' | xargs clang-format --dry-run -Werror
  git ls-files -z | xargs -0 awk 'FNR == 1 && /^#!(\/usr\/bin\/env bash|\/bin\/(ba)?sh)$/ { print FILENAME } { nextfile }' |
    xargs shellcheck
  shellcheck --shell=bash contrib/completions/virtsessionctl.bash
  build debug --target man
  ctest --preset debug -L '^style$'
}

# What clang-tidy can look at: what is compiled into programs. A header is looked at with the file of its name, or alone
# (clang-tidy takes the flags of a file beside it).
sources_of() {
  local file source
  for file in "$@"; do
    source=$(git ls-files "${file%.[ch]pp}.cpp")
    if [ -z "$source" ]; then
      printf '%s\n' "$file"
    elif grep -qF "/$source\"" build/debug/compile_commands.json; then
      printf '%s\n' "$source"
    fi
  done | sort -u
}

# Where the changes begin.
tidy_base() {
  local ref base
  for ref in ${TIDY_BASE:-} origin/main main; do
    base=$(git merge-base HEAD "$ref" 2>/dev/null) || continue
    if [ -n "${TIDY_BASE:-}" ] || [ "$base" != "$(git rev-parse HEAD)" ]; then echo "$base"; return; fi
  done
  git rev-list --max-count=11 HEAD | tail -n 1
}

tidy_files() {
  build debug --target virtsession_generated  # file by file, unlike the others
  local sources
  mapfile -t sources < <(sources_of "$@")
  echo "== clang-tidy over ${#sources[@]} files"
  [ ${#sources[@]} -gt 0 ] || return 0
  printf '%s\n' "${sources[@]}" | xargs -P "$jobs" -n 2 clang-tidy -p build/debug --quiet \
    --extra-arg=-Wno-unknown-warning-option
}

tidy() {
  local changed
  mapfile -t changed < <(git diff --name-only --diff-filter=d "$(tidy_base)" -- 'daemon/*.[ch]pp' 'contrib/*.[ch]pp')
  tidy_files "${changed[@]}"
}

tidy_all() {
  local all
  mapfile -t all < <(git ls-files 'daemon/*.cpp' 'contrib/*.cpp')
  tidy_files "${all[@]}"
}

fuzz() {
  echo "== Fuzzing"
  CXX=clang++ CC=clang cmake -S . -B build/fuzz -G Ninja -DCMAKE_BUILD_TYPE=RelWithDebInfo -DVIRTSESSION_FUZZ=ON \
    -DCMAKE_UNITY_BUILD=ON -Wno-dev >build/fuzz-configure.log
  cmake --build build/fuzz -j "$jobs" --target fuzzers
  # shellcheck disable=SC2016 # expanded inside
  find build/fuzz/tests/fuzz -maxdepth 1 -type f -name 'fuzz_*' -executable -print0 |
    xargs -0 -P "$jobs" -I '{}' bash -c '
      name=${1##*/fuzz_} log=$1.log
      mkdir -p "build/fuzz/corpus/$name"
      "$1" -max_total_time="${FUZZ_SECONDS:-20}" -max_len=8192 -print_final_stats=1 -verbosity=0 \
        "build/fuzz/corpus/$name" "tests/fuzz/corpus/$name" >"$log" 2>&1
      status=$?
      echo "== fuzz_$name"; cat "$log"
      exit $status' bash '{}'
}

all_legs=(oldest trixie forky virtqemud)
parts=()
legs=()
for word in "$@"; do
  case $word in
    oldest | trixie | forky | virtqemud) legs+=("$word") ;;
    *) parts+=("$word") ;;
  esac
done
[ $# -gt 0 ] || parts=(style asan tsan fuzz window e2e fault-short)
[ ${#legs[@]} -eq 0 ] || [[ " ${parts[*]} " == *" compat "* ]] ||
  { echo "run.sh: ${legs[*]}: only with compat; see --help" >&2; exit 64; }
for part in "${parts[@]}"; do
  case $part in
    style | tidy | tidy-all | unit | adapter | ctl | window | asan | tsan | fuzz | e2e | selftest | bench | packages | packages-only | package | compat | fault | fault-short | clients) ;;
    --help) usage; exit 0 ;;
    *) echo "run.sh: unknown part '$part'; see --help" >&2; exit 64 ;;
  esac
done

install_packages
mkdir -p build
for part in "${parts[@]}"; do
  begin=$SECONDS
  case $part in
    unit | adapter | ctl) test_with "${PRESET:-debug}" "$part" ;;
    asan) test_with asan unit adapter ctl ;;
    tsan) test_with tsan unit adapter ;;
    packages-only) ;;
    tidy-all) tidy_all ;;
    fault-short) fault_short ;;
    *) "$part" ;;
  esac
  echo "== $part: passed in $((SECONDS - begin)) s"
done
