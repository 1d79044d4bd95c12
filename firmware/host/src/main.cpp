// The core's main: setup() once, loop() for ever.
#include "../board.h"
#include "clock.h"
#include "control.h"
#include "link.h"
#include "options.h"
#include "power.h"
#include "report.h"
#include "wire.h"

namespace {

const char* resetName() {
  switch (esp_reset_reason()) {
    case ESP_RST_POWERON: return "poweron";
    case ESP_RST_EXT: return "ext";
    case ESP_RST_SW: return "sw";
    case ESP_RST_PANIC: return "panic";
    case ESP_RST_TASK_WDT: return "task_wdt";
    case ESP_RST_DEEPSLEEP: return "deepsleep";
    default: return "unknown";
  }
}

}  // namespace

int main(int, char** argv) {
  host::startClock();
  host::startPower();
  host::Event("boot").text("reason", resetName()).number("millis", millis());
  host::startControl(argv);
  auto idle = int64_t(host::optionReal("BOARD_IDLE", 2000));
  setup();
  host::Event("started").number("waited", host::turnWaitedMs());
  for (;;) {
    host::turnBegins();
    loop();
    yield();
    host::linkTick();
    host::waitForTraffic(idle);
  }
}
