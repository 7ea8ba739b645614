package linux

import "fmt"

// SeccompData is what a filter is asked about (struct seccomp_data): one call,
// in the caller's registers before the kernel has looked at them.
type SeccompData struct {
	NR   uint32    // syscall number; x32's with X32Bit
	Arch uint32    // AUDIT_ARCH value
	IP   uint64    // instruction pointer
	Args [6]uint64 // all 64 bits of the registers, whatever the architecture
}

// DataSize is sizeof(struct seccomp_data).
const DataSize = 64

// Word names one of the sixteen 32-bit words of [SeccompData], the same for
// either byte order.
type Word uint8

// The words of SeccompData. Arguments follow: see [ArgLow] and [ArgHigh].
const (
	WordNR Word = iota
	WordArch
	WordIPLow
	WordIPHigh
	wordArgs

	NumWords = DataSize / 4
)

// ArgLow names the lower 32 bits of argument i, 0 to 5.
func ArgLow(i int) Word { return wordArgs + Word(2*i) }

// ArgHigh names the upper 32 bits of argument i, 0 to 5.
func ArgHigh(i int) Word { return wordArgs + Word(2*i+1) }

// Arg returns which argument w is a half of, and whether the upper one; i is
// negative where w is none.
func (w Word) Arg() (i int, high bool) {
	if w < wordArgs || w >= NumWords {
		return -1, false
	}
	return int(w-wordArgs) / 2, (w-wordArgs)%2 == 1
}

// String returns the word as the policy language writes it: nr, arch, ipL, ipH,
// argL0, argH0 …
func (w Word) String() string {
	switch w {
	case WordNR:
		return "nr"
	case WordArch:
		return "arch"
	case WordIPLow:
		return "ipL"
	case WordIPHigh:
		return "ipH"
	}
	i, high := w.Arg()
	if high {
		return fmt.Sprintf("argH%d", i)
	}
	return fmt.Sprintf("argL%d", i)
}

// Offset returns the offset in bytes of w in struct seccomp_data. On big-endian
// machines the upper half of a 64-bit field comes first.
func (w Word) Offset(bigEndian bool) uint32 {
	if bigEndian && w >= WordIPLow {
		return 4 * (uint32(w) ^ 1)
	}
	return 4 * uint32(w)
}

// WordAt is the inverse of [Word.Offset]; ok is false for offsets that are not
// aligned or beyond the end.
func WordAt(offset uint32, bigEndian bool) (w Word, ok bool) {
	if offset%4 != 0 || offset >= DataSize {
		return 0, false
	}
	w = Word(offset / 4)
	if bigEndian && w >= WordIPLow {
		w ^= 1
	}
	return w, true
}

// Word returns the value of one word.
func (d *SeccompData) Word(w Word) uint32 {
	switch w {
	case WordNR:
		return d.NR
	case WordArch:
		return d.Arch
	case WordIPLow:
		return uint32(d.IP)
	case WordIPHigh:
		return uint32(d.IP >> 32)
	}
	i := (w - wordArgs) / 2
	if (w-wordArgs)%2 == 1 {
		return uint32(d.Args[i] >> 32)
	}
	return uint32(d.Args[i])
}
