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
