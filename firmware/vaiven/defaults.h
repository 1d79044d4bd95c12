// What a board begins with that was never told anything, for who would rather compile
// it in than type it: put what `vaiven devices add 101` prints into a new tab mine.h of
// this sketch. Whatever is set over the serial port or the portal counts instead.
// mine.h holds a secret: keep it out of what you share.
#pragma once

#if __has_include("mine.h")
#include "mine.h"
#endif

#ifndef VAIVEN_SERVER
#define VAIVEN_SERVER "auto"  // a name, NAME.local, an address, or "auto": whoever announces itself
#endif
#ifndef VAIVEN_PORT
#define VAIVEN_PORT 8080
#endif
#ifndef VAIVEN_DEVICE
#define VAIVEN_DEVICE ""
#endif
#ifndef VAIVEN_TOKEN
#define VAIVEN_TOKEN ""  // vvn_...
#endif
#ifndef VAIVEN_CA
#define VAIVEN_CA ""  // PEM; one is pinned, so the board speaks TLS
#endif
