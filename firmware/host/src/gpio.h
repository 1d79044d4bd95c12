// The board's pins, as the world outside sees them.
#pragma once

#include <cstdint>

namespace host {

// drivePin is the world setting a pin: a switch, a button. An interrupt that is
// attached to it runs in the caller's thread.
void drivePin(uint8_t pin, bool level);
bool pinLevel(uint8_t pin);

// deliverEdges hands a started DHT transfer's edges to the interrupt attached to
// its pin. Called wherever the sketch gives time away.
void deliverEdges();

}  // namespace host
