# SPDX-License-Identifier: MIT
# Prints the input line that differs from `word` by the fewest letters inserted, deleted or changed.
function smallest(a, b, c) {
	return a < b ? (a < c ? a : c) : (b < c ? b : c)
}

function distance(a, b,   i, j, cost) {
	for (i = 0; i <= length(a); i++)
		d[i, 0] = i
	for (j = 0; j <= length(b); j++)
		d[0, j] = j
	for (i = 1; i <= length(a); i++)
		for (j = 1; j <= length(b); j++) {
			cost = substr(a, i, 1) != substr(b, j, 1)
			d[i, j] = smallest(d[i - 1, j] + 1, d[i, j - 1] + 1, d[i - 1, j - 1] + cost)
		}
	return d[length(a), length(b)]
}

NR == 1 || distance(word, $0) < least {
	nearest = $0
	least = distance(word, $0)
}

END {
	print nearest
}
