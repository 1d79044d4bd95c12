// Proof that nothing is allocated after setup: this program brings its own
// allocator, which serves what the C library's start takes and then traps.
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "schedule.h"

#ifdef SMALL_MACHINE
constexpr uint32_t kSchedules = 10;
#else
constexpr uint32_t kSchedules = 200;
#endif

namespace {

bool armed = false;
alignas(16) unsigned char arena[256 * 1024];
size_t used = 0;

void* serve(size_t size) {
  if (armed) {
    armed = false;  // printing may allocate
    printf("FAIL allocation of %lu bytes after setup\n", static_cast<unsigned long>(size));
    exit(1);
  }
  const size_t at = used;
  used += (size + 15) / 16 * 16;
  if (used > sizeof arena) abort();
  return arena + at;
}

}  // namespace

extern "C" {
void* malloc(size_t size) { return serve(size); }
void* calloc(size_t n, size_t size) { return memset(serve(n * size), 0, n * size); }
void* realloc(void* old, size_t size) {
  void* fresh = serve(size);
  if (old != nullptr) memcpy(fresh, old, size);  // reads past the old one, inside the arena
  return fresh;
}
void free(void* at) {
  if (armed && at != nullptr) serve(0);
}
}
void* operator new(size_t size) { return serve(size); }
void* operator new[](size_t size) { return serve(size); }
void operator delete(void*) noexcept {}
void operator delete[](void*) noexcept {}
void operator delete(void*, size_t) noexcept {}
void operator delete[](void*, size_t) noexcept {}

static Schedule schedule;

TEST(nothing_is_allocated_after_setup) {
  armed = true;
  for (uint32_t seed = 1; seed <= kSchedules; seed++) {
    if (!schedule.run(seed)) break;
  }
  armed = false;
  CHECK(schedule.totals().readings > 1000);
}

TEST(the_allocator_does_trap) {
  void* volatile served = malloc(1);
  CHECK(served != nullptr && used > 0);
}
