package main

import (
	"encoding/binary"
	"hash/crc64"
)

// CRC64NVME the way stores and their clients compute it, by carry-less multiplication: hash/crc64, which looks up each
// byte, took a third as long as MD5, and the machine that serves is the one that is measured.
//
// Intel, "Fast CRC Computation for Generic Polynomials Using PCLMULQDQ Instruction" (2009), for reflected bits.

const blockBytes = 64

// What the lower and the upper half of 16 bytes are multiplied by to stand 64 bytes further on.
var factors = [2]uint64{power(8*blockBytes + 63), power(8*blockBytes - 1)}

// power returns x^n modulo the polynomial, the highest coefficient in the lowest bit.
func power(n int) uint64 {
	value := uint64(1) << 63
	for ; n > 0; n-- {
		value = value>>1 ^ sumPolynomial*(value&1)
	}
	return value
}

// passingSum sums up what is written to it.
type passingSum struct{ sum uint64 }

func (s *passingSum) Write(p []byte) (int, error) {
	size := len(p)
	if canFold && size >= 2*blockBytes {
		var state [8]uint64
		for i := range state {
			state[i] = binary.LittleEndian.Uint64(p[8*i:])
		}
		state[0] ^= ^s.sum
		p = p[blockBytes:]
		blocks := len(p) / blockBytes
		foldBlocks(&state, &p[0], blocks, &factors)
		p = p[blocks*blockBytes:]
		var folded [blockBytes]byte
		for i, each := range state {
			binary.LittleEndian.PutUint64(folded[8*i:], each)
		}
		s.sum = crc64.Update(^uint64(0), sumTable, folded[:])
	}
	s.sum = crc64.Update(s.sum, sumTable, p)
	return size, nil
}
