// Stand-in for the Arduino core's serial port: what is printed becomes events
// of the board, a line each; what the control line `serial TEXT` says is read.
#pragma once

#include <Print.h>

class HardwareSerial : public Stream {
 public:
  void begin(unsigned long baud);
  void end() {}
  // setRxBufferSize is how many bytes wait to be read; what comes on top is lost.
  // It counts before begin() alone.
  size_t setRxBufferSize(size_t size);
  size_t write(uint8_t c) override;
  size_t write(const uint8_t* p, size_t n) override;
  using Print::write;
  int available() override;
  int read() override;
  int peek() override;
  explicit operator bool() const { return true; }
};

extern HardwareSerial Serial;
