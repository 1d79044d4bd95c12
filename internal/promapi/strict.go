package promapi

import (
	"fmt"
	"strings"

	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql/parser"
)

// strict is the parser of everything that is asked. It refuses what takes few letters
// to write and much memory to evaluate: Prometheus trusts whoever asks it, and this
// API is open to a network. It answers as for any other mistake, before anything is
// evaluated.
type strict struct{ parser.Parser }

// ParseExpr implements [parser.Parser].
func (p strict) ParseExpr(text string) (parser.Expr, error) {
	var seen patterns
	if err := checkText(text, &seen); err != nil {
		return nil, err
	}
	expr, err := p.Parser.ParseExpr(text)
	if err != nil {
		return nil, err
	}
	if err := checkReplaced(expr, &seen); err != nil {
		return nil, err
	}
	if err := checkLabels(expr); err != nil {
		return nil, err
	}
	return expr, nil
}

// maxSelectors is how many selectors a look at the labels may have.
const maxSelectors = 100

// ParseMetricSelectors implements [parser.Parser]. They count together.
func (p strict) ParseMetricSelectors(texts []string) ([][]*labels.Matcher, error) {
	if len(texts) > maxSelectors {
		return nil, fmt.Errorf("more than %d selectors", maxSelectors)
	}
	var seen patterns
	for _, text := range texts {
		if err := checkText(text, &seen); err != nil {
			return nil, err
		}
	}
	return p.Parser.ParseMetricSelectors(texts)
}

// checkReplaced counts the regular expressions of label_replace, which are only
// compiled when it is evaluated.
func checkReplaced(expr parser.Expr, seen *patterns) error {
	var found error
	parser.Inspect(expr, func(n parser.Node, _ []parser.Node) error {
		if call, ok := n.(*parser.Call); ok && call.Func.Name == "label_replace" {
			if found = seen.add(text(call.Args[len(call.Args)-1])); found != nil {
				return found
			}
		}
		return nil
	})
	return found
}

// Bounds of the labels that a query makes.
const (
	// maxMade is how long all labels that an expression makes may be together, for one
	// series: about 30 that copy a device's id.
	maxMade = 2 << 10
	// storedLabel is how long the value of a label in the storage is, at most: a device.
	storedLabel = 64
)

// made is how long labels may become, in bytes.
type made struct {
	longest int // the value of one
	all     int // the values of all that are made, together
}

// checkLabels refuses an expression whose functions could multiply the letters of
// labels: label_replace in label_replace, each with "$1$1$1", is exponential.
func checkLabels(expr parser.Expr) error {
	var check func(parser.Node) (made, error)
	check = func(n parser.Node) (made, error) {
		m := made{longest: storedLabel}
		for child := range parser.ChildrenIter(n) {
			inner, err := check(child)
			if err != nil {
				return m, err
			}
			m.longest, m.all = max(m.longest, inner.longest), m.all+inner.all
		}
		if added := labelMade(n, m.longest); added > 0 {
			m.longest, m.all = max(m.longest, added), m.all+added
		}
		if m.all > maxMade {
			return m, fmt.Errorf("the labels that label_replace, label_join and count_values make could be longer than %d bytes", maxMade)
		}
		return m, nil
	}
	_, err := check(expr)
	return err
}

// maxNumber is how long count_values writes a number, at most.
const maxNumber = 32

// labelMade is how long the name and the value are of a label that a node makes, at
// most, where the values of its series are no longer than longest; 0: it makes none.
func labelMade(n parser.Node, longest int) int {
	if a, ok := n.(*parser.AggregateExpr); ok && a.Op == parser.COUNT_VALUES {
		return len(text(a.Param)) + maxNumber
	}
	call, ok := n.(*parser.Call)
	switch {
	case ok && call.Func.Name == "label_replace" && len(call.Args) > 2:
		template := text(call.Args[2])
		return len(text(call.Args[1])) + len(template) + strings.Count(template, "$")*longest
	case ok && call.Func.Name == "label_join" && len(call.Args) > 2:
		sources := len(call.Args) - 3
		return len(text(call.Args[1])) + sources*(longest+len(text(call.Args[2])))
	}
	return 0
}

// text is that of a string in an expression, "" of what is none.
func text(expr parser.Expr) string {
	for {
		switch e := expr.(type) {
		case *parser.ParenExpr:
			expr = e.Expr
		case *parser.StringLiteral:
			return e.Val
		default:
			return ""
		}
	}
}
