package client

import (
	"fmt"
	"testing"

	"vaiven"
)

func led(n float64) []vaiven.Value { return []vaiven.Value{{Name: "LED", Num: n}} }

// TestReportsKeepTheirOrder: a change at the board hides no confirmation, and
// is hidden by none.
func TestReportsKeepTheirOrder(t *testing.T) {
	for name, tt := range map[string]struct {
		revs []uint64 // of reports, with the values 0, 1, 2 ...
		want string
	}{
		"the last of the server's": {[]uint64{1, 2, 3}, "2@3"},
		"the last of the board's":  {[]uint64{0, 0}, "1@0"},
		"in turn":                  {[]uint64{1, 0, 0, 2, 3}, "0@1 2@0 4@3"},
		"no more than eight":       {[]uint64{1, 0, 2, 0, 3, 0, 4, 0, 5, 0}, "2@2 3@0 4@3 5@0 6@4 7@0 8@5 9@0"},
	} {
		var w ownStates
		top := uint64(0)
		for i, rev := range tt.revs {
			w.noteReport(stateReport{led(float64(i)), rev}, true)
			top = max(top, rev)
		}
		if w.applied != top || w.now[0].Num != float64(len(tt.revs)-1) {
			t.Errorf("%s: %+v", name, w)
		}
		got := ""
		for len(w.due) > 0 {
			r := w.takeReport()
			got += fmt.Sprintf(" %v@%d", r.states[0].Num, r.rev)
		}
		if got != " "+tt.want {
			t.Errorf("%s: %s, want %s", name, got, tt.want)
		}
	}
	var course ownStates
	course.noteReport(stateReport{led(1), 1}, false)
	if len(course.due) != 0 || course.now[0].Num != 1 {
		t.Errorf("course: %+v", course)
	}
}
