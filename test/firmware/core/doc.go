// Package core runs the tests of the portable firmware core (firmware/core): on
// this computer with sanitizers, of threads too, with an allocator that traps, on
// a 32-bit RISC-V without operating system under QEMU, and under a fuzzer. It
// also lets the core talk to package wire, so that both sides of the protocol are
// held against each other and not each against its own reading of it.
//
// The tests need Debian's g++, make, clang-14, libclang-rt-14-dev,
// gcc-riscv64-unknown-elf, picolibc-riscv64-unknown-elf and qemu-system-misc.
package core
