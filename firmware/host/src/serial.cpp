#include "serial.h"

#include <Arduino.h>

#include <cstdarg>
#include <cstdio>
#include <deque>
#include <mutex>

#include "report.h"

HardwareSerial Serial;

namespace {

std::mutex serialMutex;
std::string line;        // printed, not yet ended by \n
std::deque<char> typed;
size_t typedSize = 256;  // how much of it waits, and the core's default
bool open_ = false;

}  // namespace

void host::typeIntoSerial(std::string_view bytes) {
  std::lock_guard lock(serialMutex);
  // Before begin() all of it waits: whoever types sees whether the board is up.
  if (open_) bytes = bytes.substr(0, typedSize - std::min(typedSize, typed.size()));
  typed.insert(typed.end(), bytes.begin(), bytes.end());
}

void HardwareSerial::begin(unsigned long) {
  std::lock_guard lock(serialMutex);
  open_ = true;
}

size_t HardwareSerial::setRxBufferSize(size_t size) {
  std::lock_guard lock(serialMutex);
  if (open_ || size <= 128) return 0;  // the hardware's own buffer
  return typedSize = size;
}

size_t HardwareSerial::write(uint8_t c) { return write(&c, 1); }

size_t HardwareSerial::write(const uint8_t* p, size_t n) {
  std::lock_guard lock(serialMutex);
  for (size_t i = 0; i < n; i++) {
    if (p[i] == '\n') {
      host::Event("serial").text("text", line);
      line.clear();
    } else if (p[i] != '\r') {
      line += char(p[i]);
    }
  }
  return n;
}

int HardwareSerial::available() {
  std::lock_guard lock(serialMutex);
  return int(typed.size());
}

int HardwareSerial::read() {
  std::lock_guard lock(serialMutex);
  if (typed.empty()) return -1;
  int c = (unsigned char)typed.front();
  typed.pop_front();
  return c;
}

int HardwareSerial::peek() {
  std::lock_guard lock(serialMutex);
  return typed.empty() ? -1 : (unsigned char)typed.front();
}

size_t Print::write(const uint8_t* p, size_t n) {
  size_t done = 0;
  while (done < n && write(p[done])) done++;
  return done;
}

size_t Print::write(const char* s) { return s ? write((const uint8_t*)s, strlen(s)) : 0; }

size_t Print::printf(const char* format, ...) {
  va_list args;
  va_start(args, format);
  va_list again;
  va_copy(again, args);
  int n = vsnprintf(nullptr, 0, format, args);
  va_end(args);
  std::string out(size_t(n < 0 ? 0 : n) + 1, 0);
  vsnprintf(out.data(), out.size(), format, again);
  va_end(again);
  return write((const uint8_t*)out.data(), out.size() - 1);
}

int Stream::timedRead() {
  uint32_t begin = millis();
  do {
    int c = read();
    if (c >= 0) return c;
    delay(1);
  } while (uint32_t(millis() - begin) < timeout_);
  return -1;
}

size_t Stream::readBytes(uint8_t* out, size_t n) {
  size_t done = 0;
  for (int c; done < n && (c = timedRead()) >= 0;) out[done++] = uint8_t(c);
  return done;
}

String Stream::readStringUntil(char end) {
  String out;
  for (int c; (c = timedRead()) >= 0 && c != end;) out += char(c);
  return out;
}

String Stream::readString() {
  String out;
  for (int c; (c = timedRead()) >= 0;) out += char(c);
  return out;
}

bool IPAddress::fromString(const char* s) {
  unsigned a, b, c, d;
  char rest;
  if (sscanf(s, "%3u.%3u.%3u.%3u%c", &a, &b, &c, &d, &rest) != 4 || (a | b | c | d) > 255) return false;
  *this = IPAddress(uint8_t(a), uint8_t(b), uint8_t(c), uint8_t(d));
  return true;
}

String IPAddress::toString() const {
  char out[16];
  snprintf(out, sizeof out, "%u.%u.%u.%u", b_[0], b_[1], b_[2], b_[3]);
  return out;
}
