package promapi

import (
	"fmt"
	"regexp/syntax"
	"strings"

	"github.com/prometheus/prometheus/promql/parser"
	"github.com/prometheus/prometheus/util/strutil"
)

// Bounds of the regular expressions of one request.
const (
	maxPattern  = 1 << 10 // bytes of one that is more than words: a|b|c
	maxPatterns = 100     // how many
	maxPieces   = 4096    // what they are compiled to, together; some 100 bytes each
)

// patterns counts the regular expressions of a request before anything compiles them.
type patterns struct{ n, pieces int }

// add counts one. A mistake in it is for the parser to name.
func (p *patterns) add(pattern string) error {
	if p.n++; p.n > maxPatterns {
		return fmt.Errorf("more than %d regular expressions", maxPatterns)
	}
	if !strings.ContainsAny(pattern, `\.+*?()[]{}^$`) { // words, as a choice of many boards: looked up, not run
		return nil
	}
	if len(pattern) > maxPattern {
		return fmt.Errorf("a regular expression is longer than %d bytes", maxPattern)
	}
	re, err := syntax.Parse(pattern, syntax.Perl|syntax.DotNL)
	if err != nil {
		return nil //nolint:nilerr // see above
	}
	if p.pieces += pieces(re); p.pieces > maxPieces {
		return fmt.Errorf("the regular expressions are larger than %d pieces, with their repetitions written out", maxPieces)
	}
	return nil
}

// pieces is about how many instructions an expression is compiled to. The package
// syntax lets repetitions in repetitions have a product of at most 1000.
func pieces(re *syntax.Regexp) int {
	n := 1
	switch re.Op {
	case syntax.OpLiteral:
		n += len(re.Rune)
	case syntax.OpCharClass:
		n += len(re.Rune) / 16 // four bytes each
	}
	for _, sub := range re.Sub {
		n += pieces(sub)
	}
	if re.Op == syntax.OpRepeat {
		n *= max(re.Min+1, re.Max)
	}
	return n
}

// Bounds of the form of an expression. The time to check it and to write it again
// grows with the cube of its depth.
const (
	maxExpression = 8 << 10 // bytes
	maxDepth      = 100     // of brackets
	maxOperators  = 250     // each may be one level deeper: -(-(-x))
)

// checkText looks at the words of an expression or selector before it is parsed,
// which compiles its regular expressions and goes as deep as it is.
func checkText(text string, seen *patterns) error {
	if len(text) > maxExpression {
		return fmt.Errorf("the expression is longer than %d bytes", maxExpression)
	}
	lexer := parser.Lex(text)
	var item parser.Item
	var last parser.ItemType // but for remarks
	depth, operators, inBraces := 0, 0, false
	for lexer.NextItem(&item); item.Typ != parser.EOF && item.Typ != parser.ERROR; lexer.NextItem(&item) {
		switch item.Typ {
		case parser.COMMENT:
			continue
		case parser.LEFT_PAREN, parser.LEFT_BRACKET:
			depth++
		case parser.RIGHT_PAREN, parser.RIGHT_BRACKET:
			depth--
		case parser.LEFT_BRACE, parser.RIGHT_BRACE:
			inBraces = item.Typ == parser.LEFT_BRACE
		case parser.STRING:
			pattern, err := strutil.Unquote(item.Val)
			if err != nil || last != parser.EQL_REGEX && last != parser.NEQ_REGEX {
				break
			}
			if err := seen.add(pattern); err != nil {
				return err
			}
		default:
			if item.Typ.IsOperator() && !inBraces {
				operators++
			}
		}
		if last = item.Typ; depth > maxDepth || operators > maxOperators {
			return fmt.Errorf("the expression has more than %d brackets in one another, or more than %d operators", maxDepth, maxOperators)
		}
	}
	return nil
}
