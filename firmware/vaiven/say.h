// What the board tells people, in their language.
#pragma once

#include "settings.h"

class Words {
 public:
  explicit Words(const Values& settings) : settings_(settings) {}
  const char* say(const char* english, const char* spanish) const { return settings_.spanish ? spanish : english; }

 private:
  const Values& settings_;
};
