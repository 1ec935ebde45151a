//go:build !amd64

package main

const canFold = false

func foldBlocks(*[8]uint64, *byte, int, *[2]uint64) {}
