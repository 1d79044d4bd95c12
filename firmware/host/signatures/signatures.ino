// Compiles only if what the sketches call has the types that they count on. Here
// it is compiled against the stand-ins; on a machine with the ESP32 core and the
// libraries, against those:
//
//   arduino-cli compile --fqbn esp32:esp32:esp32 firmware/host/signatures
#include "signatures.h"

void setup() {}
void loop() {}
