// Package adoption is a server that lets nobody in by itself, and what boards, strangers
// on the same Wi-Fi and an administrator do with it, over real sockets of several
// addresses of this computer: a board is adopted, proves its token, is alone from then
// on, is replaced, is sent away; and what a stranger tries is tried, each as a test.
package adoption
