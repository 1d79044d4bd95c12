package button

import (
	"cmp"
	"slices"
	"strings"
)

// maxNear is how many names a person is offered instead of an unknown one.
const maxNear = 6

// near returns the names that are most like name, the nearest first.
func near(name string, names []string) []string {
	name = strings.ToUpper(name)
	names = slices.Compact(slices.Sorted(slices.Values(names)))
	slices.SortStableFunc(names, func(a, b string) int {
		return cmp.Compare(distance(name, strings.ToUpper(a)), distance(name, strings.ToUpper(b)))
	})
	return names[:min(len(names), maxNear)]
}

// distance is Levenshtein's: how many letters must be put in, taken out or
// changed to make b of a.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			change := diagonal
			if a[i] != b[j] {
				change++
			}
			diagonal = row[j+1]
			row[j+1] = min(change, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
