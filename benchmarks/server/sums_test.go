package main

import (
	"hash/crc64"
	"testing"
)

func sumOf(text string) crc { return crc{crc64.Checksum([]byte(text), sumTable), true} }

func TestTheSumIsCRC64NVME(t *testing.T) {
	// The check value of https://reveng.sourceforge.io/crc-catalogue/17plus.htm, CRC-64/NVME.
	if found := sumOf("123456789").value; found != 0xae8b14860a799888 {
		t.Fatalf("%x", found)
	}
}

func TestSumsOfPartsMakeThatOfTheWhole(t *testing.T) {
	whole := "0123456789abcdefghijklmnopqrstuvwxyz"
	for cut := 0; cut <= len(whole); cut++ {
		if found := sumOf(whole[:cut]).and(sumOf(whole[cut:]), int64(len(whole)-cut)); found != sumOf(whole) {
			t.Fatalf("cut at %d: %x", cut, found.value)
		}
	}
	if (crc{}).and(sumOf("x"), 1).isKnown || sumOf("x").and(crc{}, 1).isKnown {
		t.Fatal("the sum of what is not known is not known")
	}
}

func TestBytesAreSummedUpTheSameHoweverTheyAreCut(t *testing.T) {
	content := make([]byte, 1000)
	for i := range content {
		content[i] = byte(i*i>>3 ^ i)
	}
	for size := 0; size <= len(content); size++ {
		for _, cut := range []int{0, 1, size / 3, size} {
			if cut > size {
				continue
			}
			passing := &passingSum{}
			passing.Write(content[:cut])
			passing.Write(content[cut:size])
			if wanted := crc64.Checksum(content[:size], sumTable); passing.sum != wanted {
				t.Fatalf("%d bytes, cut at %d: %x, not %x", size, cut, passing.sum, wanted)
			}
		}
	}
}

func BenchmarkPassingSum(b *testing.B) {
	content := make([]byte, 256<<10)
	b.SetBytes(int64(len(content)))
	for i := 0; i < b.N; i++ {
		(&passingSum{}).Write(content)
	}
}
