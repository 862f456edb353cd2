#!/usr/bin/env bash
# Breaks the pure core in every way that cargo-mutants knows, and shows which breaks no test notices.
#
#   tests/mutants/pure.sh                                the model, the planner and its checker: some hours
#   tests/mutants/pure.sh plan/decide.rs plan/check.rs   these files below src/ only
#   SHARD=0/4 tests/mutants/pure.sh                      every fourth break
#   AGAIN=1 tests/mutants/pure.sh                        goes on after an interruption; or tries again what was missed,
#                                                        after a new test that moved no line above it
#
# The whole crate takes minutes to link against the AWS SDK, once per break. The planner needs none of it, so it is
# copied, with its tests and what they need, into a crate of its own below target/, which builds in seconds.
#
# Every break is shown to the quick tests first: units, rules and golden plans. What they let pass is shown to the
# properties and to the judge that tries every placement, on a part of their generated cases (CASES_DIVISOR, default 4).
# What is left is listed at the end; survivors.md explains it.
#
# Needs: cargo install cargo-mutants --locked
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

[features]
generated = []

[profile.dev]
debug = false

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
pub mod render {
    pub mod plan;
    pub mod style;
    mod summary;
    mod table;
    pub use style::Style;
}

#[cfg(all(test, feature = "generated"))]
mod bruteforce;
#[cfg(test)]
mod plan_golden;
#[cfg(all(test, feature = "generated"))]
mod plan_properties;
#[cfg(test)]
mod plan_support;
END
}

make_crate() {
  rm -rf "$crate/src" "$crate/tests"
  mkdir -p "$crate/src/render" "$crate/tests"
  cp -Rp src/model src/plan "$crate/src/"
  # Golden plans are read as people read them. The views' own tests are about more than the planner.
  for file in plan style summary table; do
    sed '/^#\[cfg(test)\]$/,$d' "src/render/$file.rs" >"$crate/src/render/$file.rs"
  done
  cp -Rp tests/it/{bruteforce,plan_properties}{,.rs} tests/it/plan_{golden,support}.rs "$crate/src/"
  cp -Rp tests/scenarios "$crate/tests/"
  # All generated cases are for `cargo test`.
  perl -pi -e "s{(cases: |cases\(|SAMPLES: u64 = )(\d+)}{\$1 . int(\$2 / ${CASES_DIVISOR:-4})}e" \
    "$crate/src/plan/properties.rs" "$crate/src/plan_properties.rs" "$crate/src/bruteforce.rs"
  # The first pass neither runs them nor waits for their build.
  perl -pi -e 's{^(?=mod properties;)}{#[cfg(feature = "generated")]\n}' "$crate/src/plan/mod.rs"
  write_root >"$crate/src/lib.rs"
  write_manifest >"$crate/Cargo.toml"
  cp Cargo.lock "$crate/"
}

mutants() {
  nice -n 19 cargo mutants --dir "$crate" --output "$results" "${only[@]}" --colors never "$@"
}

# In place, so that nothing but the broken file is built again. The tests have to pass unbroken first.
broken() { # broken OPTION... [-- TEST-OPTION...]
  local code=0
  mutants --in-place --minimum-test-timeout 120 --no-times --cargo-test-arg=--lib "$@" || code=$?
  collect
  # 2: something was missed, 3: something took too long. Both are results.
  [ $code -eq 0 ] || [ $code -eq 2 ] || [ $code -eq 3 ]
}

collect() { # Each pass writes lists of its own.
  for list in caught unviable; do
    cat "$results/mutants.out/$list.txt" >>"$results/$list.txt"
  done
}

keep_missed() { # The next pass with --iterate tries what the last one missed.
  mv "$results/mutants.out/missed.txt" "$results/again.txt"
  rm "$results/mutants.out"/{caught,unviable}.txt
  mutants --list | grep -vxFf "$results/again.txt" >"$results/mutants.out/previously_caught.txt" || true
}

count() { sort -u "$@" | wc -l; }

own_files() { # all of the pure core but its tests
  (cd src && find model plan -name '*.rs' ! -name fixture.rs ! -name properties.rs ! -name rules.rs ! -path '*/tests*') |
    sort
}

if [ $# -eq 0 ]; then
  mapfile -t files < <(own_files)
  set -- "${files[@]}"
fi
only=("${@/#/--file=src/}")
make_crate
if [ -n "${AGAIN:-}" ]; then
  collect
  broken --iterate
else
  rm -rf "$results"
  mkdir -p "$results"
  broken ${SHARD:+--shard "$SHARD"}
fi
cp "$results/mutants.out/timeout.txt" "$results/timeout.txt"
if [ -s "$results/mutants.out/missed.txt" ]; then
  keep_missed
  broken --iterate --features generated -- -- properties bruteforce
fi

missed=$results/mutants.out/missed.txt
timeouts=("$results/timeout.txt" "$results/mutants.out/timeout.txt")
printf '\n%d mutants: %d caught, %d missed, %d timed out, %d do not compile\n' \
  "$(count "$results"/{caught,unviable}.txt "$missed" "${timeouts[@]}")" "$(count "$results/caught.txt")" \
  "$(count "$missed")" "$(count "${timeouts[@]}")" "$(count "$results/unviable.txt")"
cat "$missed"
