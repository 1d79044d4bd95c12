#include "report.h"

#include <unistd.h>

#include <cmath>
#include <cstdio>
#include <ctime>
#include <mutex>

#include "clock.h"

namespace host {
namespace {

std::mutex lineMutex;

// quote appends value as a JSON string. Bytes that are not ASCII pass as they
// are: sketches are UTF-8, and a reader may replace what is not.
void quote(std::string& out, std::string_view value) {
  out += '"';
  for (unsigned char c : value) {
    if (c == '"' || c == '\\') {
      out += '\\';
      out += static_cast<char>(c);
    } else if (c < 0x20) {
      char escape[8];
      snprintf(escape, sizeof escape, "\\u%04x", c);
      out += escape;
    } else {
      out += static_cast<char>(c);
    }
  }
  out += '"';
}

int64_t wallMs() {
  timespec now{};
  clock_gettime(CLOCK_REALTIME, &now);
  return int64_t(now.tv_sec) * 1000 + now.tv_nsec / 1000000;
}

}  // namespace

Event::Event(std::string_view name) {
  line_ = "{\"at\":" + std::to_string(sincePowerOnUs() / 1000) + ",\"wall\":" + std::to_string(wallMs());
  text("event", name);
}

Event::~Event() {
  line_ += "}\n";
  std::lock_guard lock(lineMutex);
  std::string_view rest = line_;
  while (!rest.empty()) {
    ssize_t n = write(STDOUT_FILENO, rest.data(), rest.size());
    if (n <= 0) return;  // nobody reads any more
    rest.remove_prefix(size_t(n));
  }
}

void Event::key(const char* name) {
  line_ += ',';
  quote(line_, name);
  line_ += ':';
}

Event& Event::text(const char* name, std::string_view value) {
  key(name);
  quote(line_, value);
  return *this;
}

Event& Event::number(const char* name, int64_t value) {
  key(name);
  line_ += std::to_string(value);
  return *this;
}

Event& Event::real(const char* name, double value) {
  key(name);
  char digits[32];
  snprintf(digits, sizeof digits, "%.10g", value);
  line_ += std::isfinite(value) ? digits : "null";
  return *this;
}

Event& Event::flag(const char* name, bool value) {
  key(name);
  line_ += value ? "true" : "false";
  return *this;
}

}  // namespace host
