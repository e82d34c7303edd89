package federation

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"math"
	"reflect"
	"slices"
)

// digestVersion names the encoding below; a change of it makes every copy look changed once.
const digestVersion = "v1:"

// digest returns the digest of decoded JSON: v1: and 128 bits in hex. Equal documents have equal digests, whatever the
// order of their keys. The encoding is a type letter, then a length or the value; so no two documents share one.
func digest(doc map[string]any) string {
	text, _ := digestAndSize(doc)
	return text
}

// digestAndSize also returns about how many bytes of JSON the document is.
func digestAndSize(doc map[string]any) (string, int) {
	e := encoder{out: make([]byte, 0, 4096)}
	e.value(doc)
	sum := sha256.Sum256(e.out)
	return digestVersion + hex.EncodeToString(sum[:16]), e.size
}

type encoder struct {
	out  []byte
	size int
}

func (e *encoder) head(letter byte, n uint64) {
	e.size += 4 // about what punctuation and numbers take in JSON
	e.out = binary.BigEndian.AppendUint64(append(e.out, letter), n)
}

func (e *encoder) text(letter byte, s string) {
	e.head(letter, uint64(len(s)))
	e.size += len(s)
	e.out = append(e.out, s...)
}

func (e *encoder) value(v any) {
	switch t := v.(type) {
	case map[string]any:
		e.head('m', uint64(len(t)))
		keys := make([]string, 0, len(t))
		for key := range t {
			keys = append(keys, key)
		}
		slices.Sort(keys)
		for _, key := range keys {
			e.text('k', key)
			e.value(t[key])
		}
	case []any:
		e.head('l', uint64(len(t)))
		for _, x := range t {
			e.value(x)
		}
	case string:
		e.text('s', t)
	case bool:
		e.head('b', map[bool]uint64{true: 1}[t])
	case int64:
		e.head('i', uint64(t))
	case float64:
		// 3.0 and 3 are one number in JSON.
		if t == math.Trunc(t) && math.Abs(t) < 1<<53 {
			e.head('i', uint64(int64(t)))
			return
		}
		e.head('f', math.Float64bits(t))
	case nil:
		e.head('n', 0)
	default:
		e.text('?', fmt.Sprintf("%T %v", t, t)) // not decoded JSON; see decoded
	}
}

// sameMap reports whether two maps are one and the same.
func sameMap(a, b map[string]any) bool {
	return reflect.ValueOf(a).UnsafePointer() == reflect.ValueOf(b).UnsafePointer()
}
