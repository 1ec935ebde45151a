package main

import (
	"encoding/base64"
	"encoding/binary"
	"hash/crc64"
	"net/http"
)

// CRC64NVME is what AWS holds bodies against, and of which it makes that of an object in parts.
const sumHeader = "X-Amz-Checksum-Crc64nvme"

const sumPolynomial = 0x9A6C9329AC4BC9B5

var sumTable = crc64.MakeTable(sumPolynomial)

var badDigest = &refusal{400, "BadDigest", "The CRC64NVME you specified did not match the calculated checksum."}

// crc is a checksum that is known or not.
type crc struct {
	value   uint64
	isKnown bool
}

func (c crc) text() string {
	var raw [8]byte
	binary.BigEndian.PutUint64(raw[:], c.value)
	return base64.StdEncoding.EncodeToString(raw[:])
}

// isStated tells whether a request, or a reply, has the checksum of its object or part.
func isStated(h http.Header) bool { return h.Get(sumHeader) != "" }

// holds tells whether what was computed is what the request stated, if it stated one.
func (c crc) holds(h http.Header) bool {
	return !isStated(h) || c.isKnown && h.Get(sumHeader) == c.text()
}

// tell gives a reader the checksum of a whole object, if it asks for it.
func (c crc) tell(asked, answer http.Header) {
	if c.isKnown && asked.Get("X-Amz-Checksum-Mode") == "ENABLED" {
		answer.Set(sumHeader, c.text())
		answer.Set("X-Amz-Checksum-Type", "FULL_OBJECT")
	}
}

// and returns the checksum of these bytes with `size` more behind them that have the checksum `next`: zlib's way.
func (c crc) and(next crc, size int64) crc {
	if !c.isKnown || !next.isKnown {
		return crc{}
	}
	var odd, even matrix
	odd[0] = sumPolynomial
	for i := 1; i < 64; i++ {
		odd[i] = 1 << (i - 1)
	}
	even = odd.squared()
	odd = even.squared()
	value := c.value
	for left := size; left > 0; {
		even = odd.squared()
		if left&1 == 1 {
			value = even.times(value)
		}
		if left >>= 1; left == 0 {
			break
		}
		odd = even.squared()
		if left&1 == 1 {
			value = odd.times(value)
		}
		left >>= 1
	}
	return crc{value ^ next.value, true}
}

// matrix works on the bits of a checksum.
type matrix [64]uint64

func (m *matrix) times(vector uint64) uint64 {
	var sum uint64
	for i := 0; vector != 0; i, vector = i+1, vector>>1 {
		if vector&1 == 1 {
			sum ^= m[i]
		}
	}
	return sum
}

func (m *matrix) squared() matrix {
	var square matrix
	for i := range square {
		square[i] = m.times(m[i])
	}
	return square
}
