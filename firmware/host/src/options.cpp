#include "options.h"

#include <cstdlib>

namespace host {

std::string optionText(const char* name, const char* otherwise) {
  const char* value = getenv(name);
  return value ? value : otherwise;
}

double optionReal(const char* name, double otherwise) {
  const char* value = getenv(name);
  return value && *value ? strtod(value, nullptr) : otherwise;
}

}  // namespace host
