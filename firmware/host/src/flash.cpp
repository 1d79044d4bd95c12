#include "flash.h"

#include <stdlib.h>

#include <filesystem>
#include <mutex>

#include "options.h"
#include "report.h"

namespace host {

std::string flashFolder(const char* kind) {
  static const std::string root = [] {
    std::string chosen = optionText("BOARD_FLASH", "");
    if (!chosen.empty()) return chosen;
    std::string made = std::filesystem::temp_directory_path() / "board-XXXXXX";
    chosen = mkdtemp(made.data()) ? made : "/nonexistent";
    // A restart is the same board: the process that comes finds it again.
    setenv("BOARD_FLASH", chosen.c_str(), 1);
    return chosen;
  }();
  std::error_code ignored;  // the first write says what is wrong
  std::filesystem::create_directories(root + "/" + kind, ignored);
  return root + "/" + kind;
}

void wrote(const char* what, size_t n) { Event("flash").text("what", what).number("n", int64_t(n)); }

}  // namespace host
