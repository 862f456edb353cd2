#!/usr/bin/env bash
# Breaks the pure core in every way that cargo-mutants knows, and shows which breaks no test notices.
#
#   tests/mutants/pure.sh                                the model, the planner and its checker: some hours
#   tests/mutants/pure.sh plan/decide.rs plan/steps.rs   these files below src/ only
#   SHARD=0/4 tests/mutants/pure.sh plan/search.rs       every fourth break
#   AGAIN=1 tests/mutants/pure.sh plan/wait.rs           what was missed before, after a new test; no line may have moved
#
# The whole crate takes minutes to link against the AWS SDK, once per break. The planner needs none of it, so it is
# copied, with its tests and what they need, into a crate of its own below target/, which builds in seconds.
#
# Every break is shown to the quick tests first: units, rules and golden plans. What they let pass is shown to the
# properties and to the judge that tries every placement, on a part of their generated cases (CASES_DIVISOR, default 4).
# What is left is listed at the end, with what was left of other files before. survivors.md explains it.
#
# Needs: cargo install cargo-mutants --locked
set -euo pipefail
cd "$(dirname "$0")/../.."

work=${CARGO_TARGET_DIR:-$PWD/target}/mutants
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

mutants() { # mutants OPTION...: of the file at hand
  nice -n 19 cargo mutants --dir "$crate" --output "$results/$name" --file "src/$file" --colors never "$@"
}

# In place, so that nothing but the broken file is built again. The tests have to pass unbroken first.
broken() { # broken OPTION... [-- WHICH-TESTS...]
  local code=0
  mutants --in-place --minimum-test-timeout 120 --no-times --cargo-test-arg=--lib "$@" || code=$?
  # 2: something was missed, 3: something took too long. Both are results.
  [ $code -eq 0 ] || [ $code -eq 2 ] || [ $code -eq 3 ]
}

narrow() { # narrow LIST: the next pass with --iterate tries the breaks in this file only
  mkdir -p "$results/$name/mutants.out"
  rm -f "$results/$name/mutants.out"/{caught,unviable}.txt
  mutants --list | grep -vxFf "$1" >"$results/$name/mutants.out/previously_caught.txt" || true
}

collect() { # collect LIST...: adds what the last pass found to the file's results
  for list in "$@"; do
    cat "$results/$name/mutants.out/$list.txt" >>"$results/$name/$list.txt"
  done
}

quick_pass() {
  if [ -n "${AGAIN:-}" ]; then
    cat "$results/$name"/{missed,timeout}.txt >"$results/$name/again.txt"
    rm "$results/$name"/{missed,timeout}.txt
    narrow "$results/$name/again.txt"
    broken --iterate
  else
    rm -rf "${results:?}/$name"
    mkdir -p "$results/$name"
    broken ${SHARD:+--shard "$SHARD"}
  fi
  touch "$results/$name/missed.txt"
  collect caught timeout unviable
}

generated_pass() {
  mv "$results/$name/mutants.out/missed.txt" "$results/$name/again.txt"
  narrow "$results/$name/again.txt"
  broken --iterate --features generated -- -- properties bruteforce
  collect caught missed timeout
}

count() { cat "$results"/*/"$1.txt" | wc -l; }

own_files() { # all of the pure core but its tests
  (cd src && find model plan -name '*.rs' ! -name fixture.rs ! -name properties.rs ! -name rules.rs ! -path '*/tests*') |
    sort
}

make_crate
mkdir -p "$results"
[ $# -gt 0 ] || mapfile -t files < <(own_files)
for file in "${@:-${files[@]}}"; do
  name=${file//\//-}
  printf '\n== %s\n' "$file"
  quick_pass
  [ ! -s "$results/$name/mutants.out/missed.txt" ] || generated_pass
done

caught=$(count caught) missed=$(count missed) timeout=$(count timeout) unviable=$(count unviable)
printf '\nAll files so far: %d mutants, %d caught, %d missed, %d timed out, %d do not compile\n' \
  $((caught + missed + timeout + unviable)) "$caught" "$missed" "$timeout" "$unviable"
cat "$results"/*/missed.txt
