#!/usr/bin/env bash
# Breaks the pure core in every way that cargo-mutants knows, and shows which breaks no test notices.
#
#   tests/mutants/pure.sh                                the model, the planner, its checker, the status: an hour or less
#   tests/mutants/pure.sh plan/decide.rs plan/check.rs   these files below src/ only
#   SHARD=0/4 tests/mutants/pure.sh                      every fourth break
#   AGAIN=1 tests/mutants/pure.sh                        continues after an interruption; or tries again what was missed,
#                                                        after a new test that moved no line above it
#
# The whole crate takes minutes to link against the AWS SDK. The planner needs none of it, so it is copied, with its
# tests and what they need, into a crate of its own below target/. There all breaks are built at once (together.py), and
# each run of the tests chooses one.
#
# Every break is shown to the quick tests first: units, rules and golden plans. What they let pass is shown to the
# properties and to the judge that tries every placement. What is left is listed at the end; survivors.md explains it.
#
# Needs: cargo install cargo-mutants --locked, Python 3. Uses the linker mold if there is one.
set -euo pipefail
cd "$(dirname "$0")/../.."

work=${CARGO_TARGET_DIR:-$PWD/target}/pure-mutants
crate=$work/crate
results=$work/results

dependencies() { # dependencies TABLE NAME... from our own Cargo.toml, so that versions are the same
  local table=$1 names
  shift
  names=$(IFS='|' && echo "$*")
  printf '\n[%s]\n' "$table"
  sed -n "/^\[$table\]/,/^\[/p" Cargo.toml | grep -E "^($names) ="
}

write_manifest() {
  cat <<'END'
[package]
name = "slotwise"
version = "0.0.0"
edition = "2024"

[lib]
doctest = false

[profile.dev]
debug = false
opt-level = 1

[workspace]
END
  dependencies dependencies anstyle croner globset jiff rand rand_chacha schemars serde serde_yaml thiserror \
    unicode-width url
  dependencies dev-dependencies insta proptest
}

write_root() {
  cat <<'END'
#![allow(dead_code, unused_imports)]
extern crate self as slotwise;

pub mod model;
pub mod plan;
pub mod status;
pub mod manifest {
    mod problem;
    pub use problem::{Location, ObjectId, Problem, Severity};
}
pub mod store;
pub mod render {
    pub mod plan;
    pub mod style;
    mod summary;
    mod table;
    pub use style::Style;
}

#[cfg(test)]
mod bruteforce;
#[cfg(test)]
mod plan_golden;
#[cfg(test)]
mod plan_properties;
#[cfg(test)]
mod plan_support;
END
}

make_crate() {
  rm -rf "$crate/src" "$crate/tests"
  mkdir -p "$crate"/src/{render,manifest} "$crate/tests"
  cp -Rp src/model src/plan src/status src/status.rs "$crate/src/"
  # Of what a status is made from and is not of the pure core: what is wrong with a declaration.
  cp -p src/manifest/problem.rs "$crate/src/manifest/"
  { echo 'use crate::manifest::{ObjectId, Problem};' && sed -n '/^\/\/\/ An object that is not valid/,/^}/p' src/store/mod.rs; } \
    >"$crate/src/store.rs"
  # Golden plans are read as people read them. The views' own tests are about more than the planner.
  for file in plan style summary table; do
    sed '/^#\[cfg(test)\]$/,$d' "src/render/$file.rs" >"$crate/src/render/$file.rs"
  done
  cp -Rp tests/it/{bruteforce,plan_properties}{,.rs} tests/it/plan_{golden,support}.rs "$crate/src/"
  cp -Rp tests/scenarios "$crate/tests/"
  # What holds of recordings is none of the planner's.
  perl -0pi -e 's{^use slotwise::record.*?\n}{}m; s{^proptest! \{\n(?:(?!\}\n).*\n)*?.*record::document.*\n(?:(?!\}\n).*\n)*\}\n}{}m' \
    "$crate/src/plan_properties.rs"
  write_root >"$crate/src/lib.rs"
  write_manifest >"$crate/Cargo.toml"
  cp Cargo.lock "$crate/"
}

mutants() {
  cargo mutants --dir "$crate" --output "$results" "${only[@]}" --colors never "$@"
}

count() { sort -u "$results/$1.txt" | grep -cxFf "$results/names.txt" || true; }

own_files() { # all of the pure core but its tests
  (cd src && find model plan status status.rs -name '*.rs' ! -name fixture.rs ! -name samples.rs ! -name properties.rs ! -name rules.rs \
    ! -path '*/tests*' ! -path '*/rules/*') | sort
}

if [ $# -eq 0 ]; then
  mapfile -t files < <(own_files)
  set -- "${files[@]}"
fi
only=("${@/#/--file=src/}")
command -v mold >/dev/null && export RUSTFLAGS="${RUSTFLAGS:-} -C link-arg=-fuse-ld=mold"
export CARGO_TARGET_DIR=$work/target
renice -n 19 -p $$ >/dev/null
[ -n "${AGAIN:-}" ] || rm -rf "$results"
mkdir -p "$results"
rm -f "$results"/{missed,timeout}.txt
touch "$results"/{caught,missed,timeout,unviable}.txt

make_crate
mutants ${SHARD:+--shard "$SHARD"} --list >"$results/names.txt"
mutants ${SHARD:+--shard "$SHARD"} --list --json >"$results/breaks.json"
python3 tests/mutants/together.py "$crate" "$results/breaks.json" "$results"

printf '\n%d mutants: %d caught, %d missed, %d timed out, %d do not compile\n' \
  "$(wc -l <"$results/names.txt")" "$(count caught)" "$(count missed)" "$(count timeout)" "$(count unviable)"
cat "$results"/{missed,timeout}.txt
