// The board's flash: a folder, BOARD_FLASH, or one that goes with the process.
#pragma once

#include <cstddef>
#include <string>

namespace host {

// flashFolder returns the folder, which exists, for one kind of content.
std::string flashFolder(const char* kind);

// wrote reports the event "flash": what was written, and how many bytes.
void wrote(const char* what, size_t n);

}  // namespace host
