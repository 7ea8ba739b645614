package syntax

// token is a kind of token.
type token uint8

const (
	tokEOF token = iota
	tokNewline
	tokName
	tokNumber
	tokVersion // 5.15
	tokString
	tokBad // reported by the scanner

	tokLParen
	tokRParen
	tokLBracket
	tokRBracket
	tokLBrace
	tokRBrace
	tokComma
	tokColon
	tokSemicolon
	tokAssign
	tokArrow  // ->
	tokExpect // =>
	tokGroup  // @name
	tokRange  // syscall_N..M
	tokOp     // any operator
)

var tokenText = [...]string{
	tokEOF:       "the end of the file",
	tokNewline:   "the end of the line",
	tokName:      "a name",
	tokNumber:    "a number",
	tokVersion:   "a version",
	tokString:    "a string",
	tokLParen:    `"("`,
	tokRParen:    `")"`,
	tokLBracket:  `"["`,
	tokRBracket:  `"]"`,
	tokLBrace:    `"{"`,
	tokRBrace:    `"}"`,
	tokComma:     `","`,
	tokColon:     `":"`,
	tokSemicolon: `";"`,
	tokAssign:    `"="`,
	tokArrow:     `"->"`,
	tokExpect:    `"=>"`,
	tokGroup:     "the name of a group",
	tokRange:     "a range of numbers",
}

// Op is an operator.
type Op uint8

// The operators, by precedence.
const (
	OpNone   Op = iota
	OpOr        // ||
	OpAnd       // &&
	OpEq        // ==
	OpNe        // !=
	OpSet       // &?
	OpLt        // <
	OpLe        // <=
	OpGt        // >
	OpGe        // >=
	OpBitOr     // |
	OpBitXor    // ^
	OpBitAnd    // &
	OpShl       // <<
	OpShr       // >>
	OpAdd       // +
	OpSub       // -
	OpMul       // *
	OpDiv       // /
	OpMod       // %
	OpNot       // !
	OpCompl     // ~
	OpNeg       // unary -
)

var opTable = [...]struct {
	text       string
	precedence int // 0: no operator with two operands
}{
	OpOr: {"||", 1}, OpAnd: {"&&", 2},
	OpEq: {"==", 3}, OpNe: {"!=", 3}, OpSet: {"&?", 3},
	OpLt: {"<", 4}, OpLe: {"<=", 4}, OpGt: {">", 4}, OpGe: {">=", 4},
	OpBitOr: {"|", 5}, OpBitXor: {"^", 6}, OpBitAnd: {"&", 7},
	OpShl: {"<<", 8}, OpShr: {">>", 8},
	OpAdd: {"+", 9}, OpSub: {"-", 9},
	OpMul: {"*", 10}, OpDiv: {"/", 10}, OpMod: {"%", 10},
	OpNot: {"!", 0}, OpCompl: {"~", 0}, OpNeg: {"-", 0},
}

// String returns the operator as it is written.
func (op Op) String() string { return opTable[op].text }

// IsComparison reports whether op compares numbers.
func (op Op) IsComparison() bool { return OpEq <= op && op <= OpGe }

// IsLogical reports whether op joins conditions.
func (op Op) IsLogical() bool { return op == OpOr || op == OpAnd }
