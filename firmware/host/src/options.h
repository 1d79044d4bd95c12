// What the environment says about the board. The list of names is in
// ../board.h.
#pragma once

#include <string>

namespace host {

std::string optionText(const char* name, const char* otherwise);
double optionReal(const char* name, double otherwise);

}  // namespace host
