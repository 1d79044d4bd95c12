// What the core costs on a 32-bit machine: the size of its objects, and how deep
// its calls go. The stack is painted before each call of a random life, and
// looked at after it: what is printed was really used, by the deepest call seen,
// with a Link, Switches and Observer that use little themselves.
#include <stdint.h>
#include <stdio.h>

#include "check.h"
#include "schedule.h"
#include "vaiven/server_message.h"

namespace {

constexpr uint32_t kPaint = 0x5aa5c33c;
constexpr uintptr_t kDepth = 2048;  // painted
constexpr uintptr_t kOwn = 80;          // room for the frames of the painting itself

class Painter final : public Probe {
 public:
  uintptr_t deepest[kCalls] = {};

  __attribute__((noinline)) void before() override {
    base_ = reinterpret_cast<uintptr_t>(__builtin_frame_address(0)) & ~uintptr_t{3};
    for (uintptr_t at = base_ - kDepth; at < base_ - kOwn; at += 4) *reinterpret_cast<volatile uint32_t*>(at) = kPaint;
  }

  __attribute__((noinline)) void after(Call call) override {
    uintptr_t at = base_ - kDepth;
    while (at < base_ - kOwn && *reinterpret_cast<volatile uint32_t*>(at) == kPaint) at += 4;
    if (base_ - at > deepest[call]) deepest[call] = base_ - at;
  }

 private:
  uintptr_t base_ = 0;
};

Schedule schedule;
Painter painter;

// deep uses 600 bytes of stack and a little more.
__attribute__((noinline)) void deep() {
  volatile uint8_t bytes[600];
  for (volatile uint8_t& b : bytes) b = 1;
}

void size(const char* what, size_t bytes) { printf("  %-28s %6lu bytes\n", what, static_cast<unsigned long>(bytes)); }

}  // namespace

TEST(painting_sees_what_a_call_uses) {
  painter.before();
  deep();
  painter.after(Probe::kOther);
  CHECK(painter.deepest[Probe::kOther] >= 600 && painter.deepest[Probe::kOther] < 760);
  painter.deepest[Probe::kOther] = 0;
}

TEST(report) {
  printf("sizes on a machine of %lu bits:\n", static_cast<unsigned long>(8 * sizeof(void*)));
  size("Board", sizeof(vaiven::Board));
  size("  of that, message buffer", vaiven::Link::kHeadroom + vaiven::kMaxMessage);
  size("Header", sizeof(vaiven::Header));
  size("Held<2, 1024>, 12 a reading", sizeof(vaiven::Held<2, 1024>));
  size("Held<2, 512>", sizeof(vaiven::Held<2, 512>));
  size("Held<8, 1024>, 36 a reading", sizeof(vaiven::Held<8, 1024>));
  size("Held<8, 128>", sizeof(vaiven::Held<8, 128>));
  size("ServerMessage", sizeof(vaiven::ServerMessage));
  schedule.probe(&painter);
  for (uint32_t seed = 1; seed <= 40; seed++) {
    if (!schedule.run(seed)) break;
  }
  printf("deepest stack seen, %lu readings, %lu connections (painted, to %lu bytes):\n",
         static_cast<unsigned long>(schedule.totals().readings), static_cast<unsigned long>(schedule.totals().connections),
         static_cast<unsigned long>(kDepth));
  size("tick", painter.deepest[Probe::kTick]);
  size("onMessage", painter.deepest[Probe::kMessage]);
  size("record", painter.deepest[Probe::kRecord]);
  size("onOpen, onClose, switched", painter.deepest[Probe::kOther]);
  for (uintptr_t d : painter.deepest) CHECK(d < kDepth - 256);  // else it was not painted deep enough
}
