#!/bin/sh
# Holds README.md, CONTRIBUTING.md and docs/ to the program and the sources:
#   - a command line `octet COMMAND --option` uses what `octet COMMAND --help` knows,
#   - a relative link, and a path such as octet/graph/op.h, exists,
#   - a test that is cited as `Suite.Name` exists,
#   - every numbered clause of docs/numerics.md cites a test or says "no test" or "not implemented".
#   tools/check_docs.sh OCTET [FOLDER]   OCTET: the program; FOLDER: default this repository
#   tools/check_docs.sh --self-test      proves that each rule catches a planted mistake
set -eu
export LC_ALL=C

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

# Lines "command option" and "command /subcommand" of everything that --help shows; the program
# itself is the command "octet".
known_words() {  # known_words OCTET
  section() {  # section COMMAND OCTET ARGUMENT...: the words of its --help
    name=$1; shift
    "$@" --help >"$scratch/help" || { echo "check_docs: $* --help fails" >&2; return 1; }
    awk -v command="$name" '
      /^Subcommands:/ { inside = 1; next }
      /^[^ ]/ { inside = 0 }
      inside && /^  [a-z]/ { print command, "/" $1 }
      /^  (-[A-Za-z],)?--[a-z]/ {
        match($0, /--[a-z][a-z0-9-]*/)
        print command, substr($0, RSTART, RLENGTH)
      }' "$scratch/help"
  }
  subcommands() { sed -n 's,^[^ ]* /,,p' "$1"; }
  section octet "$1" >"$scratch/top" || return 1
  cat "$scratch/top"
  for command in $(subcommands "$scratch/top"); do
    section "$command" "$1" "$command" >"$scratch/nested" || return 1
    cat "$scratch/nested"
    for nested in $(subcommands "$scratch/nested"); do
      section "$command/$nested" "$1" "$command" "$nested" || return 1
    done
  done
}

known_tests() {  # known_tests FOLDER
  find "$1/octet" "$1/tests" -name '*_test.cpp' -exec cat {} + 2>/dev/null | tr '\n' ' ' |
    grep -Eo '(TYPED_)?TEST(_[FP])?\( *[A-Za-z0-9_]+, *[A-Za-z0-9_]+ *\)' |
    sed -E 's/^[A-Z_]+\( *([A-Za-z0-9_]+), *([A-Za-z0-9_]+) *\)/\1.\2/' | sort -u
}

# What the documents claim: lines "file:line<TAB>kind<TAB>claim", kind one of command, link, path,
# test, clause.
claims() {  # claims FOLDER
  # shellcheck disable=SC2016  # the $ are awk's
  (cd "$1" && find README.md CONTRIBUTING.md docs -name '*.md' 2>/dev/null | sort |
   xargs -r awk '
    function say(kind, claim) { print FILENAME ":" FNR "\t" kind "\t" claim }
    function commands(text,   parts, n, i, part) {
      sub(/ #.*/, "", text)
      gsub(/\\\|/, "|", text)
      gsub(/ (\||\|\||&&|>) /, ";", text)
      n = split(text, parts, ";")
      for (i = 1; i <= n; i++) {
        part = parts[i]
        sub(/^[ \t]*(\$ )?(do |then )?/, "", part)
        while (sub(/^[A-Z_]+=[^ ]* +/, "", part)) {}
        sub(/^(\.\/)?(build\/release\/)?/, "", part)
        if (part ~ /^octet /) say("command", part)
      }
    }
    function paths(text,   words, n, i) {
      gsub(/\]\([^)]*\)/, "]", text)  # links are checked as such
      gsub(/[^A-Za-z0-9_.\/*<>{}-]/, " ", text)
      n = split(text, words, " ")
      for (i = 1; i <= n; i++) {
        sub(/\.+$/, "", words[i])  # the end of a sentence
        if (words[i] ~ /^(octet|docs|tools|tests|cmake)\/[A-Za-z0-9_.\/-]+\.(h|cpp|md|sh|cmake|txt)$/)
          say("path", words[i])
      }
    }
    function spans(text,   parts, n, i) {
      n = split(text, parts, "`")
      for (i = 2; i <= n; i += 2) {
        commands(parts[i])
        if (context && parts[i] ~ /^--[a-z]/) say("command", "octet " context " " parts[i])
        if (parts[i] ~ /^[A-Z][A-Za-z0-9]*\.[A-Z][A-Za-z0-9]*$/) { say("test", parts[i]); proof = 1 }
      }
    }
    function links(text) {
      while (match(text, /\]\([^)]+\)/)) {
        say("link", substr(text, RSTART + 2, RLENGTH - 3))
        text = substr(text, RSTART + RLENGTH)
      }
    }
    function end_clause() {
      if (clause != "" && !proof) print place "\tclause\t" clause
      clause = ""
    }
    FNR == 1 { end_clause(); context = ""; fenced = 0; held = "" }
    /^ *```/ { fenced = !fenced; held = ""; next }
    fenced {
      held = held $0
      if (sub(/\\$/, " ", held)) next
      commands(held)
      held = ""
      next
    }
    FILENAME ~ /numerics\.md$/ && /^## / {
      end_clause()
      if (/^## [0-9]/) { clause = $0; place = FILENAME ":" FNR; proof = 0 }
    }
    # Below a heading that names a command, an option alone is one of that command.
    /^#/ {
      context = ""
      if (match($0, /`octet [a-z]+/)) context = substr($0, RSTART + 7, RLENGTH - 7)
    }
    { lower = tolower($0); if (lower ~ /no test|not implemented/) proof = 1 }
    { spans($0); links($0); paths($0) }
    END { end_clause() }')
}

check_commands() {  # check_commands KNOWN <claims
  awk -F '\t' -v known="$1" '
    BEGIN { while ((getline line < known) > 0) knows[line] = 1 }
    function complain(why) { print $1 ": " $3 ": " why; bad = 1 }
    $2 == "command" {
      n = split($3, word, " ")
      command = "octet"
      if (word[2] ~ /^[a-z]/) {
        if (!(("octet /" word[2]) in knows)) { complain("no command " word[2]); next }
        command = word[2]
        if (n > 2 && ((command " /" word[3]) in knows)) command = command "/" word[3]
      } else if (word[2] ~ /^[A-Z]/) {
        next  # a placeholder: octet COMMAND
      }
      text = $3
      while (match(text, /(^|[^a-z0-9-])--[a-z][a-z0-9-]*/)) {
        option = substr(text, RSTART, RLENGTH)
        sub(/^[^-]/, "", option)
        text = substr(text, RSTART + RLENGTH)
        if (option == "--help" || ((command " " option) in knows) || (("octet " option) in knows))
          continue
        complain("no option " option)
      }
    }
    END { exit bad }'
}

check() {  # check OCTET FOLDER
  status=0
  known_words "$1" >"$scratch/words" || return 1
  known_tests "$2" >"$scratch/tests"
  claims "$2" >"$scratch/claims"
  check_commands "$scratch/words" <"$scratch/claims" || status=1
  while IFS="$(printf '\t')" read -r place kind claim; do
    case $kind in
      clause) echo "$place: $claim: cites no test"; status=1 ;;
      test) grep -qxF "$claim" "$scratch/tests" || { echo "$place: no test $claim"; status=1; } ;;
      path) [ -e "$2/$claim" ] || { echo "$place: no file $claim"; status=1; } ;;
      link)
        target=${claim%%#*}
        case $claim in http://* | https://* | mailto:* | '#'*) continue ;; esac
        file=${place%:*}
        [ -e "$2/$(dirname "$file")/$target" ] || { echo "$place: broken link $claim"; status=1; }
        ;;
    esac
  done <"$scratch/claims"
  [ "$status" -ne 0 ] || awk -F '\t' '{ n[$2]++ } END {
    printf "check_docs: ok: %d commands, %d links, %d paths, %d tests\n",
           n["command"], n["link"], n["path"], n["test"] }' "$scratch/claims"
  return "$status"
}

self_test() {
  mkdir -p "$scratch/repo/docs" "$scratch/repo/octet"
  cat >"$scratch/fake" <<'FAKE'
#!/bin/sh
case "$*" in
  --help) printf '  --json  JSON\nSubcommands:\n  eval  Accuracy\n  data  Sets\n' ;;
  'eval --help') printf '  -o,--output FILE  Output\n  --limit INT  Samples\n' ;;
  'data --help') printf 'Subcommands:\n  list  List\n' ;;
  'data list --help') printf '  --help  Help\n' ;;
esac
FAKE
  chmod +x "$scratch/fake"
  printf 'TEST_P(GemmTest,\n       Adds) {}\n' >"$scratch/repo/octet/a_test.cpp"
  n=0
  while IFS= read -r line; do
    [ -n "$line" ] || continue
    expected=${line%% *}
    printf '%b\n' "${line#* }" >"$scratch/repo/docs/numerics.md"
    found=accepted
    check "$scratch/fake" "$scratch/repo" >/dev/null || found=refused
    if [ "$found" != "$expected" ]; then
      echo "check_docs self-test: found $found, expected $line"
      return 1
    fi
    n=$((n + 1))
  done <<'CASES'
accepted `octet eval m.onnx --limit 3 --json`, `octet COMMAND --any`, `octet data list`
accepted ```sh\nA=1 build/release/octet eval m.onnx \\\\\n  --limit 3 | grep --color x\n```
accepted [a](numerics.md#x) [b](https://example.org/none) octet/a_test.cpp
accepted ## 1. Sums\nProven by `GemmTest.Adds`.
accepted ### `octet eval M`\n`--limit N`\n### Other\n`--any`
accepted ## 1. Sums\nNot implemented.
refused `octet evil m.onnx`
refused ### `octet eval M`\n`--seeds N`
refused `octet eval m.onnx --limits 3`
refused `octet eval m.onnx [--seeds N]`
refused ```sh\noctet eval m.onnx \\\\\n  --limt 3\n```
refused ```sh\nfor m in a b; do octet eval $m --bad; done\n```
refused `octet data list --limit 3`
refused [a](missing.md)
refused octet/missing_test.cpp
refused `GemmTest.Subtracts`
refused ## 1. Sums\nNobody proves it.\n## 2. More\n`GemmTest.Adds`
CASES
  echo "check_docs self-test: ok, $n cases"
}

case ${1:-} in
  --self-test) self_test ;;
  '') echo "usage: tools/check_docs.sh OCTET [FOLDER] | --self-test" >&2; exit 64 ;;
  *) check "$1" "${2:-$(dirname "$0")/..}" ;;
esac
