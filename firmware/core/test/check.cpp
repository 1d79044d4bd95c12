#include "check.h"

#include <stdio.h>
#include <string.h>

namespace check {

namespace {
Test* first = nullptr;
Test** last = &first;
int failureCount = 0;
}  // namespace

Test::Test(const char* n, void (*r)()) : name(n), run(r) {
  *last = this;
  last = &next;
}

void failed(const char* file, int line, const char* what) {
  failureCount++;
  printf("%s:%d: %s\n", file, line, what);
}

void failedEqual(const char* file, int line, const char* what, long long got, long long want) {
  failureCount++;
  printf("%s:%d: %s is %ld, want %ld\n", file, line, what, static_cast<long>(got), static_cast<long>(want));
}

void failedText(const char* file, int line, const char* what, const char* got, const char* want) {
  failureCount++;
  printf("%s:%d: %s is\n  %s\nwant\n  %s\n", file, line, what, got, want);
}

int failures() { return failureCount; }

bool sameText(const char* a, const char* b) { return strcmp(a, b) == 0; }

}  // namespace check

// Runs every test, or those whose name has the argument in it. The bare machine
// is handed the program's path as an argument, and runs all.
int main(int argc, char** argv) {
#ifdef SMALL_MACHINE
  argc = 1;
#endif
  int ran = 0;
  for (check::Test* test = check::first; test != nullptr; test = test->next) {
    if (argc > 1 && strstr(test->name, argv[1]) == nullptr) continue;
    const int before = check::failures();
    test->run();
    ran++;
    printf("%s %s\n", check::failures() == before ? "ok  " : "FAIL", test->name);
  }
  printf("%d tests, %d failed checks\n", ran, check::failures());
  return check::failures() == 0 && ran > 0 ? 0 : 1;
}
