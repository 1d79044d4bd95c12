package promapi

import (
	"errors"
	"fmt"
	"math"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql/parser"
)

// maxPoints bounds the points of one series in an answer: a week of minutes, a year
// of hours.
const maxPoints = 11_000

// The ends of time, as clients of Prometheus write them to say "all": about 292
// million years around 1970, less what a time.Time cannot hold.
var (
	minTime = time.Unix(math.MinInt64/1000+62135596801, 0).UTC()
	maxTime = time.Unix(math.MaxInt64/1000-62135596801, 999999999).UTC()
)

// readForm reads a request's parameters, of the address and of a form in the body.
func readForm(w http.ResponseWriter, r *http.Request, maxForm int64) *failure {
	if int64(len(r.URL.RawQuery)) > maxForm {
		return badData(fmt.Errorf("the parameters are larger than %d bytes", maxForm))
	}
	r.Body = http.MaxBytesReader(w, r.Body, maxForm)
	if err := r.ParseForm(); err != nil {
		var large *http.MaxBytesError
		if errors.As(err, &large) {
			err = fmt.Errorf("the form is larger than %d bytes", maxForm)
		}
		return badData(fmt.Errorf("error parsing form values: %w", err))
	}
	return nil
}

// parseTime reads seconds since 1970, to the millisecond, or a time of RFC 3339.
func parseTime(s string) (time.Time, error) {
	if seconds, err := strconv.ParseFloat(s, 64); err == nil {
		whole, part := math.Modf(seconds)
		part = math.Round(part*1000) / 1000
		return time.Unix(int64(whole), int64(part*float64(time.Second))).UTC(), nil
	}
	if t, err := time.Parse(time.RFC3339Nano, s); err == nil {
		return t, nil
	}
	// Years of more than four digits are not in RFC 3339.
	for _, end := range []time.Time{minTime, maxTime} {
		if s == end.Format(time.RFC3339Nano) {
			return end, nil
		}
	}
	return time.Time{}, fmt.Errorf("cannot parse %q to a valid timestamp", s)
}

// parseDuration reads seconds, or a duration such as 1h30m.
func parseDuration(s string) (time.Duration, error) {
	if seconds, err := strconv.ParseFloat(s, 64); err == nil {
		ns := seconds * float64(time.Second)
		if ns > math.MaxInt64 || ns < math.MinInt64 {
			return 0, fmt.Errorf("cannot parse %q to a valid duration. It overflows int64", s)
		}
		return time.Duration(ns), nil
	}
	if d, err := model.ParseDuration(s); err == nil {
		return time.Duration(d), nil
	}
	return 0, fmt.Errorf("cannot parse %q to a valid duration", s)
}

// timeOf reads an optional time.
func timeOf(form url.Values, name string, absent time.Time) (time.Time, *failure) {
	s := form.Get(name)
	if s == "" {
		return absent, nil
	}
	t, err := parseTime(s)
	if err != nil {
		return t, badParam(name, fmt.Errorf("invalid time value for '%s': %w", name, err))
	}
	return t, nil
}

// limitOf reads how many results are wanted at most; 0 is any number.
func limitOf(form url.Values) (int, *failure) {
	s := form.Get("limit")
	if s == "" {
		return 0, nil
	}
	n, err := strconv.Atoi(s)
	if err == nil && n < 0 {
		err = errors.New("limit must be non-negative")
	}
	if err != nil {
		return 0, badParam("limit", err)
	}
	return n, nil
}

// span is the stretch of time that a look at the labels is about, and how much of it
// is wanted.
type span struct {
	from, to time.Time
	limit    int
}

func spanOf(form url.Values) (s span, f *failure) {
	if s.limit, f = limitOf(form); f != nil {
		return s, f
	}
	if s.from, f = timeOf(form, "start", minTime); f != nil {
		return s, f
	}
	s.to, f = timeOf(form, "end", maxTime)
	return s, f
}

// steps are the moments at which a range query is evaluated.
type steps struct {
	from, to time.Time
	step     time.Duration
}

func stepsOf(form url.Values) (s steps, f *failure) {
	var err error
	if s.from, err = parseTime(form.Get("start")); err != nil {
		return s, badParam("start", err)
	}
	if s.to, err = parseTime(form.Get("end")); err != nil {
		return s, badParam("end", err)
	}
	if s.to.Before(s.from) {
		return s, badParam("end", errors.New("end timestamp must not be before start time"))
	}
	if s.step, err = parseDuration(form.Get("step")); err != nil {
		return s, badParam("step", err)
	}
	if s.step <= 0 {
		return s, badParam("step", errors.New("zero or negative query resolution step widths are not accepted. Try a positive integer"))
	}
	if s.to.Sub(s.from)/s.step > maxPoints {
		return s, badData(errors.New("exceeded maximum resolution of 11,000 points per timeseries. Try decreasing the query resolution (?step=XX)"))
	}
	return s, nil
}

// selectorsOf reads the match[] of a look at the labels. One that would match
// everything is refused.
func selectorsOf(p parser.Parser, texts []string) ([][]*labels.Matcher, error) {
	sets, err := p.ParseMetricSelectors(texts)
	if err != nil {
		return nil, err
	}
	for _, set := range sets {
		if !selective(set) {
			return nil, errors.New("match[] must contain at least one non-empty matcher")
		}
	}
	return sets, nil
}

func selective(set []*labels.Matcher) bool {
	for _, m := range set {
		if m != nil && !m.Matches("") {
			return true
		}
	}
	return false
}

// labelName reads the name in a path; U__ begins one that is written with the letters
// of an old name.
func labelName(s string) (string, *failure) {
	if strings.HasPrefix(s, "U__") {
		s = model.UnescapeName(s, model.ValueEncodingEscaping)
	}
	if !model.UTF8Validation.IsValidLabelName(s) {
		return "", badData(fmt.Errorf("invalid label name: %q", s))
	}
	return s, nil
}
