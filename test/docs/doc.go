// Package docs runs the commands of the course's documents, CURSO.md and
// COURSE.md, in the order in which a reader types them, and holds what they
// print against what the documents show.
//
// A ```console block is run: "$ " begins a command (a backslash at the end of a
// line continues it), "> " is a line typed into it, everything else is a line
// that it prints. What differs from run to run (times, ports, ids, what a
// simulated sensor measured) is replaced on both sides, "…" stands for anything,
// and the order of lines does not count. An HTML comment before the block, which
// a reader does not see, says how it is run:
//
//	<!-- check: until -->      Ctrl-C once everything shown has been printed
//	<!-- check: leave 1 -->    it stays open, as terminal 1
//	<!-- check: seen 1 -->     no commands: these lines stand in terminal 1
//	<!-- check: stop 1 -->     no block: Ctrl-C in terminal 1
//	<!-- check: ended 1 -->    no block: terminal 1 ends by itself
//	<!-- check: exit 28 -->    the last command ends with this code, not with 0
//	<!-- check: file NAME -->  the block is what the reader saves under NAME
//
// Each chapter has a folder of its own, and ports of its own in place of 8080,
// 8081, 8443 and 8444, so that all of them run at the same time. Commands listen on the
// loopback interface alone. ```sh blocks are for machines that are not here (a
// Raspberry Pi): they are not run, but vaiven must know every command and option
// that they use.
package docs
