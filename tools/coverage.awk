# Turns a Go coverage profile into the share of lines that a test ran, for each package. The profile has a line
# "file:line.column,line.column statements count" for each block and each test binary; a line of code is covered when
# any of the blocks that touch it was run by any binary. Blank lines and comments inside a block count as its own.
NR > 1 {
  split($1, at, ":")
  package = at[1]
  sub("/[^/]*$", "", package)
  split(at[2], ends, "[,.]")
  for (line = ends[1]; line <= ends[3]; line++) {
    key = at[1] ":" line
    if (!(key in seen)) { seen[key] = 1; lines[package]++ }
    if ($3 > 0 && !(key in ran)) { ran[key] = 1; covered[package]++ }
  }
}
END {
  for (package in lines)
    printf "%5.1f %%  %s (%d of %d lines)\n", 100 * covered[package] / lines[package], package, covered[package], lines[package] | "sort -k3"
}
