// The radio: whether the board has an address, and since when. The control lines
// `wifi down` and `wifi up` are the access point going and coming back. Safe from
// every thread.
#pragma once

#include <cstdint>

namespace host {

// setAccessPoint is the access point being switched.
void setAccessPoint(bool on);

// linkUp reports whether the board has an address now.
bool linkUp();

// linkLostForMs is how long, in simulated ms, the board has been without; 0 when
// it has one. After linkMemoryMs the stack gives its connections up.
uint64_t linkLostForMs();
constexpr uint64_t linkMemoryMs = 120000;

// scanning says that the radio looks for a network without end while the board's own
// is open: whoever is in that is thrown out again and again.
bool scanning();

// linkTick moves association on, and tells WiFi.onEvent's handlers.
void linkTick();

}  // namespace host
