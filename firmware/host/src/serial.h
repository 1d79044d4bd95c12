// The other end of the board's serial cable.
#pragma once

#include <string_view>

namespace host {

// typeIntoSerial is what a person types in the serial monitor.
void typeIntoSerial(std::string_view bytes);

}  // namespace host
