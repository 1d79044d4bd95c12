// The control lines on stdin, and the process they belong to. ../board.h lists
// them.
#pragma once

#include <string>
#include <vector>

namespace host {

// startControl replays what earlier lines left (after a restart), then reads
// stdin in a thread of its own.
void startControl(char** argv);

// replaceProcess starts the program again under the same pid, with the same stdin
// and stdout, and with more variables in its environment. What control lines set
// (Wi-Fi, pins, sensor) stays set; no line is lost.
[[noreturn]] void replaceProcess(std::vector<std::string> variables);

// restartBy starts the board anew with a reset reason of esp_system.h.
[[noreturn]] void restartBy(const char* why, int reason);

}  // namespace host
