// What the board shows to whoever runs it: one JSON object per line on stdout.
//
// Each line has "at" (simulated ms since power-on, through restarts and sleep),
// "wall" (real Unix ms) and "event". Several threads may report; a line is
// written whole. A reader that stops reading stops the board, as a blocked pipe
// does.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace host {

// Event is one line; it is written when the Event goes out of scope.
class Event {
 public:
  explicit Event(std::string_view name);
  ~Event();
  Event(const Event&) = delete;
  Event& operator=(const Event&) = delete;

  Event& text(const char* key, std::string_view value);
  Event& number(const char* key, int64_t value);
  Event& real(const char* key, double value);
  Event& flag(const char* key, bool value);

 private:
  void key(const char* name);
  std::string line_;
};

}  // namespace host
