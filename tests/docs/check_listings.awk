# SPDX-FileCopyrightText: 2026 The ssm authors
# SPDX-License-Identifier: Apache-2.0

# Every C++ listing of a page is part of a program that is compiled:
#
#   awk -f check_listings.awk -v root=<source tree> page.md...
#
# A listing is preceded by a comment <!-- listing: path/of/source.cpp -->, and its lines stand in that source in the same
# order, whatever their indentation and whatever stands between them.
#
# A page that says how long a class is says so in a comment as well, <!-- lines: path/of/source.hpp name count -->: lines of
# code, from `template` to the closing brace, without comments and blank ones.

function trimmed(line) {
    gsub(/^[ \t]+|[ \t]+$/, "", line)
    return line
}

function complain(text) {
    printf "%s:%d: %s\n", FILENAME, FNR, text
    failures++
}

function code_lines(path, name,    line, before, inside, count) {
    while ((getline line < path) > 0) {
        if (line == "struct " name " {" || line == "class " name " {") {
            inside = 1
            count = before ~ /^template/
        }
        if (inside && line !~ /^[ \t]*(\/\/.*)?$/) count++
        if (inside && line == "};") break
        before = line
    }
    close(path)
    return count + 0
}

FNR == 1 { source = ""; listing = 0 }

/^<!-- listing: .* -->$/ { source = $3; next }

/^<!-- lines: .* -->$/ {
    counted = code_lines(root "/" $3, $4)
    if (counted != $5) complain($4 " of " $3 " has " counted " lines of code, and not " $5)
    next
}

/^```cpp$/ {
    listing = 1
    listings++
    if (source == "") complain("a listing without <!-- listing: source -->")
    path = root "/" source
    next
}

/^```$/ && listing {
    listing = 0
    if (source != "") close(path)
    source = ""
    next
}

listing && source != "" {
    wanted = trimmed($0)
    if (wanted == "") next
    found = 0
    while ((getline line < path) > 0)
        if (trimmed(line) == wanted) {
            found = 1
            break
        }
    if (!found) {
        complain("not in " source ", in this order: " wanted)
        source = ""
    }
}

END {
    if (!listings) { print "no listing found: has the markup changed?"; failures++ }
    exit failures > 0
}
