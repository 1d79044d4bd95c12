package history

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/prometheus/prometheus/model/labels"
)

// TestHeadStopsWithItsContext: nobody waits for what it goes on to look up.
func TestHeadStopsWithItsContext(t *testing.T) {
	q := &headQuerier{to: 1}
	for i := range 3 {
		q.series = append(q.series, headSeries{labels: labels.FromStrings("device", fmt.Sprint(i))})
	}
	every := labels.MustNewMatcher(labels.MatchRegexp, "device", ".+")
	ctx, cancel := context.WithCancel(t.Context())
	seen := 0
	if err := q.matching(ctx, []*labels.Matcher{every}, func(headSeries) { seen++; cancel() }); !errors.Is(err, context.Canceled) || seen != 1 {
		t.Errorf("%v after %d series", err, seen)
	}
	if set := q.Select(ctx, true, nil, every); set.Next() || !errors.Is(set.Err(), context.Canceled) {
		t.Errorf("Select: %v", set.Err())
	}
	if _, _, err := q.LabelNames(ctx, nil, every); !errors.Is(err, context.Canceled) {
		t.Errorf("LabelNames: %v", err)
	}
	if _, _, err := q.LabelValues(ctx, "device", nil, every); !errors.Is(err, context.Canceled) {
		t.Errorf("LabelValues: %v", err)
	}
}
