package main

// foldBlocks moves a sum's state over so many blocks of 64 bytes.
//
//go:noescape
func foldBlocks(state *[8]uint64, first *byte, blocks int, factors *[2]uint64)

func multipliesCarryless() bool

var canFold = multipliesCarryless()
