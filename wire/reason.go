package wire

// Reasons that only the gateway can know, for vaiven.Error.Reason; Explain has
// words for them.
const (
	ReasonNoBoot    = "no_boot"   // bad_seq: a SEQ, but no BOOT on this connection yet
	ReasonReused    = "reused"    // bad_boot: a HELLO's NEXT is at or below what the server has
	ReasonDifferent = "different" // bad_boot: a SEQ came again with other values
	ReasonNoColumn  = "no_column" // bad_name: a measurement was stored, and the CSV has no column for it
	ReasonGap       = "gap"       // too_fast: OLDEST gives up more than the board can have taken
	ReasonErrors    = "errors"    // too_fast: so many messages were refused one after the other
	ReasonFlood     = "flood"     // too_large: more than Hi readings of one board without SEQ in a message; Lo: by how many, so far
)

// Reasons of what parses.
const (
	reasonAlias     = "alias"      // missing_device, no_values: a key that is almost right
	reasonNotObject = "not_object" // missing_device: JSON, but no object
	reasonElement   = "element"    // missing_device: in a list, something that is no object
	reasonDoubled   = "doubled"    // missing_device: JSON inside of a JSON text
	reasonNull      = "null"       // missing_device, no_values: null
	reasonEmptyList = "empty_list" // no_values: []
	reasonText      = "text"       // text where a number belongs
	reasonNested    = "nested"     // an object or array where a number belongs
	reasonBool      = "bool"       // true or false where a number or text belongs
	reasonNumber    = "number"     // a number where text belongs
	reasonQuoted    = "quoted"     // a number in quotes
	reasonComma     = "comma"      // a number with a decimal comma, in quotes
	reasonUnit      = "unit"       // a number with its unit, in quotes
	reasonEmpty     = "empty"      // ""
	reasonNaN       = "nan"        // nan, inf, ovf
	reasonOnOff     = "on_off"     // a word under a state
	reasonFW        = "fw"         // FW is neither text nor number
	reasonHuge      = "huge"       // beyond what a float64 holds
	reasonBeyond    = "beyond"     // more than MaxSeq
	reasonStandIn   = "stand_in"   // what stands for a number, as the X of the slide; not_json too
	reasonFraction  = "fraction"   // an integer was asked for
	reasonOrder     = "order"      // NEXT below OLDEST
	reasonDuplicate = "duplicate"  // a key twice
	reasonStates    = "states"     // too_large: more than MaxStates
	reasonKeys      = "keys"       // too_large: more than MaxKeys
	reasonDeep      = "deep"       // too_large: more than MaxDepth levels
	reasonReserved  = "reserved"   // bad_name: a key of the protocol as a state
	reasonSeqReport = "seq_report" // no_values: states with a SEQ
	reasonNamed     = "named"      // no_values: the name of a measurement stands in a text
	reasonKeyType   = "key_type"   // bad_name: a CBOR key that is not text
)

// Reasons of what does not parse (not_json): of the message as a whole.
const (
	reasonBOM       = "bom"
	reasonUTF16     = "utf16"
	reasonUTF8      = "utf8"
	reasonHTML      = "html"
	reasonHTTP      = "http"
	reasonForm      = "form"
	reasonCSV       = "csv"
	reasonNoBraces  = "no_braces"
	reasonPlain     = "plain"
	reasonSeveral   = "several"  // another object behind the first
	reasonTrailing  = "trailing" // something else behind it
	reasonZeros     = "zeros"    // zero bytes behind it
	reasonBytes     = "bytes"    // Python's text of bytes
	reasonSocketIO  = "socket_io"
	reasonCBOR      = "cbor" // a binary message that is not CBOR
	reasonCBORText  = "cbor_text"
	reasonCBORTag   = "cbor_tag"
	reasonEmptyWire = "empty_message"
)

// Reasons of what does not parse: at one place.
const (
	reasonSingleQuote   = "single_quote"
	reasonCurlyQuote    = "curly_quote"
	reasonDecimalComma  = "decimal_comma"
	reasonTrailingComma = "trailing_comma"
	reasonDoubleComma   = "double_comma"
	reasonOpenKey       = "open_key"
	reasonNeedsQuotes   = "needs_quotes"
	reasonMissingComma  = "missing_comma"
	reasonMissingColon  = "missing_colon"
	reasonNoValue       = "no_value" // a key with neither colon nor value
	reasonMissingValue  = "missing_value"
	reasonUnclosed      = "unclosed"
	reasonSurplus       = "surplus"     // a closing bracket too many
	reasonBracket       = "bracket"     // ] where } belongs, or the other way round
	reasonOpenObject    = "open_object" // an object begins where a key belongs
	reasonInnerOpen     = "inner_open"  // } is missing before ], or the other way round
	reasonOpenString    = "open_string"
	reasonLineBreak     = "line_break"
	reasonEscape        = "escape"
	reasonSurrogate     = "surrogate"
	reasonControl       = "control"
	reasonLeadingZero   = "leading_zero"
	reasonPlus          = "plus"
	reasonDot           = "dot"
	reasonHex           = "hex"
	reasonBadNumber     = "bad_number"
	reasonPython        = "python"
	reasonComment       = "comment"
	reasonWord          = "word"
	reasonPlaceholder   = "placeholder"
	reasonBadKey        = "bad_key"
	reasonExtra         = "extra"
)
