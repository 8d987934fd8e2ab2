#!/bin/sh
# Writes the measured table of README.md: what `./dev demo` found on this machine.
#   tools/update_readme.sh           runs the demo first
#   tools/update_readme.sh --reuse   takes the results of the last demo, if there are any
set -eu
cd "$(dirname "$0")/.."
report=build/demo/pareto.md

case ${1:-} in
  '') ./dev demo ;;
  --reuse) [ -f build/demo/results.json ] || ./dev demo ;;
  *) echo "usage: tools/update_readme.sh [--reuse]" >&2; exit 64 ;;
esac

for marker in '<!-- demo-table -->' '<!-- /demo-table -->'; do
  [ "$(grep -cxF "$marker" README.md)" -eq 1 ] || {
    echo "update_readme: README.md has not exactly one line '$marker'" >&2
    exit 65
  }
done
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

# The first paragraph names model, data, seed and samples; the first table is the frontier; the
# section Machine is a list of `- key: value`.
awk '
  /^Model / && !about { about = $0; sub(/\. .*/, "", about) }
  /^## / { section = $2; past_table = 1 }
  /^\|/ && !past_table { table = table $0 "\n" }
  section == "Machine" && sub(/^- (cpu: )?/, "") { machine = machine (machine ? "; " : "") $0 }
  END {
    if (!about || !table || !machine) {
      print "update_readme: pareto.md lacks its model, table or machine" > "/dev/stderr"
      exit 65
    }
    printf "%s:\n\n%s\nMachine: %s.\n", about, table, machine
  }' "$report" >"$scratch/table"

awk -v table="$scratch/table" '
  $0 == "<!-- /demo-table -->" { inside = 0 }
  !inside { print }
  $0 == "<!-- demo-table -->" {
    inside = 1
    while ((getline line < table) > 0) print line
  }' README.md >"$scratch/README.md"
cat "$scratch/README.md" >README.md
echo "README.md: table of $(sed -n '1s/:$//p' "$scratch/table")"
