// Whether the server is still there. TCP alone notices a dead peer after many
// minutes, or never when there is nothing to send.
#pragma once

#include <stdint.h>

namespace vaiven {

class Liveness {
 public:
  // After how much silence the server is asked. It asks us after 25 s of ours:
  // so on a healthy connection this hardly ever comes to it.
  static constexpr uint64_t kPingAfter = 30 * 1000;
  // After how much silence the connection is dropped: as the server does.
  static constexpr uint64_t kDeadAfter = 60 * 1000;

  // heard notes a sign of life: an opened connection, a message, a ping, a pong.
  void heard(uint64_t up) {
    heardAt_ = up;
    asked_ = false;
  }
  // asks is true once in each silence: it is time to ping.
  bool asks(uint64_t up) {
    if (asked_ || up - heardAt_ < kPingAfter) return false;
    asked_ = true;
    return true;
  }
  bool dead(uint64_t up) const { return up - heardAt_ >= kDeadAfter; }

 private:
  uint64_t heardAt_ = 0;
  bool asked_ = false;
};

}  // namespace vaiven
