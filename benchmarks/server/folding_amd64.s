#include "textflag.h"

// Four registers of 16 bytes, each moved 64 bytes on and added to what stands there; X8 has the two factors for it.

#define FOLD(at, register, high) \
	MOVOA     register, high          \
	PCLMULQDQ $0x00, X8, register     \
	PCLMULQDQ $0x11, X8, high         \
	MOVOU     at(SI), X9              \
	PXOR      high, register          \
	PXOR      X9, register

// func foldBlocks(state *[8]uint64, first *byte, blocks int, factors *[2]uint64)
TEXT ·foldBlocks(SB), NOSPLIT, $0-32
	MOVQ  state+0(FP), AX
	MOVQ  first+8(FP), SI
	MOVQ  blocks+16(FP), CX
	MOVQ  factors+24(FP), DX
	MOVOU (DX), X8
	MOVOU 0(AX), X0
	MOVOU 16(AX), X1
	MOVOU 32(AX), X2
	MOVOU 48(AX), X3

next:
	FOLD(0, X0, X4)
	FOLD(16, X1, X5)
	FOLD(32, X2, X6)
	FOLD(48, X3, X7)
	ADDQ $64, SI
	DECQ CX
	JNZ  next

	MOVOU X0, 0(AX)
	MOVOU X1, 16(AX)
	MOVOU X2, 32(AX)
	MOVOU X3, 48(AX)
	RET

// func multipliesCarryless() bool
TEXT ·multipliesCarryless(SB), NOSPLIT, $0-1
	MOVL $1, AX
	XORL CX, CX
	CPUID
	SHRL $1, CX
	ANDL $1, CX
	MOVB CX, ret+0(FP)
	RET
