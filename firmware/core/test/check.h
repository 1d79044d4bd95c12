// A test is a function that registers itself; a failed check prints where and
// goes on. No heap, so that the same tests run on a bare 32-bit machine.
#pragma once

#include <stddef.h>
#include <stdint.h>

namespace check {

struct Test {
  Test(const char* name, void (*run)());
  const char* name;
  void (*run)();
  Test* next = nullptr;
};

void failed(const char* file, int line, const char* what);
void failedEqual(const char* file, int line, const char* what, long long got, long long want);
void failedText(const char* file, int line, const char* what, const char* got, const char* want);
// failures is how many checks have failed so far.
int failures();
bool sameText(const char* a, const char* b);

template <class A, class B>
void equal(const char* file, int line, const char* what, A got, B want) {
  if (static_cast<long long>(got) != static_cast<long long>(want)) {
    failedEqual(file, line, what, static_cast<long long>(got), static_cast<long long>(want));
  }
}

}  // namespace check

#define TEST(name)                                         \
  static void test_##name();                               \
  static check::Test register_##name(#name, test_##name);  \
  static void test_##name()

#define CHECK(condition)                                              \
  do {                                                                \
    if (!(condition)) check::failed(__FILE__, __LINE__, #condition);  \
  } while (0)

#define CHECK_EQ(got, want) check::equal(__FILE__, __LINE__, #got, (got), (want))

#define CHECK_TEXT(got, want)                                                                       \
  do {                                                                                              \
    if (!check::sameText((got), (want))) check::failedText(__FILE__, __LINE__, #got, (got), (want)); \
  } while (0)
