#include <math.h>
#include <string.h>

#include "check.h"
#include "vaiven/json_reader.h"
#include "vaiven/json_writer.h"

using namespace vaiven;

namespace {

// fields counts the fields of an object, -1 when it is none.
int fields(const char* text) {
  ObjectReader reader(text, strlen(text));
  Field field;
  int n = 0;
  while (reader.next(field)) n++;
  return reader.complete() ? n : -1;
}

Slice slice(const char* text) { return {text, strlen(text)}; }

const char* decimal(float value, uint8_t decimals) {
  static char text[64];
  Writer writer(text, sizeof text - 1);
  writer.decimal(value, decimals);
  text[writer.length()] = '\0';
  return text;
}

const char* unescaped(const char* text, size_t size = 64) {
  static char out[64];
  size_t length = 0;
  if (!unescape(slice(text), out, size, length)) return "(does not fit)";
  CHECK_EQ(length, strlen(out));
  return out;
}

}  // namespace

TEST(reader_accepts_flat_objects) {
  CHECK_EQ(fields("{}"), 0);
  CHECK_EQ(fields(" { } \r\n"), 0);
  CHECK_EQ(fields("{\"A\":1}"), 1);
  CHECK_EQ(fields("{ \"A\" : -0.5e+3 , \"B\":\"x\\u00e9\\n\", \"C\":true,\"D\":false,\"E\":null }"), 5);
  CHECK_EQ(fields("{\"A\":{\"B\":[1,{}]},\"C\":[\"]\",\"\\\"\"],\"D\":2}"), 3);
}

TEST(reader_refuses_what_is_no_flat_object) {
  const char* bad[] = {"", " ", "{", "}", "[]", "1", "{\"A\"}", "{\"A\":}", "{\"A\":1", "{\"A\":1,}", "{,}",
                       "{\"A\":1 \"B\":2}", "{\"A\":1}x", "{\"A\":1}{}", "{A:1}", "{\"A\":01}", "{\"A\":-}",
                       "{\"A\":1.}", "{\"A\":.5}", "{\"A\":1e}", "{\"A\":+1}", "{\"A\":tru}", "{\"A\":nul", "{\"A\":nan}",
                       "{\"A\":\"x}", "{\"A\":\"\\x\"}", "{\"A\":\"\\u12g4\"}", "{\"A\":\"\\u12", "{\"A\":\"\n\"}", "{\"A\":\"\\",
                       "{\"A\":[1}", "{\"A\":[\"]}", "{\"A\":1}}", "ON"};
  for (const char* text : bad) {
    if (fields(text) != -1) check::failed(__FILE__, __LINE__, text);
  }
}

TEST(reader_gives_pieces_of_the_message) {
  const char* text = "{\"ERROR\":\"a\\\"b\",\"AT\":-1.5,\"X\":[1,2]}";
  ObjectReader reader(text, strlen(text));
  Field field;
  CHECK(reader.next(field) && field.key.is("ERROR") && field.kind == JsonKind::kText && field.value.is("a\\\"b"));
  CHECK(reader.next(field) && field.key.is("AT") && field.kind == JsonKind::kNumber && field.value.is("-1.5"));
  CHECK(reader.next(field) && field.kind == JsonKind::kNested && field.value.is("[1,2]"));
  CHECK(!reader.next(field) && reader.complete());
}

TEST(numbers_are_read_as_the_protocol_has_them) {
  uint64_t u = 0;
  CHECK(toUnsigned(slice("0"), u) && u == 0);
  CHECK(toUnsigned(slice("18446744073709551615"), u) && u == UINT64_MAX);
  CHECK(!toUnsigned(slice("18446744073709551616"), u) && !toUnsigned(slice("-1"), u));
  CHECK(!toUnsigned(slice("1.0"), u) && !toUnsigned(slice("1e3"), u) && !toUnsigned(slice(""), u));
  int32_t w = 0;
  CHECK(toWhole(slice("1"), w) && w == 1);
  CHECK(toWhole(slice("-7.9"), w) && w == -7);
  CHECK(toWhole(slice("2147483647"), w) && w == INT32_MAX);
  CHECK(!toWhole(slice("2147483648"), w) && !toWhole(slice("1e2"), w) && !toWhole(slice("-"), w));
}

TEST(text_is_unescaped_into_what_there_is) {
  CHECK_TEXT(unescaped("plain"), "plain");
  CHECK_TEXT(unescaped("a\\\"b\\\\c\\/d\\n"), "a\"b\\c/d\n");
  CHECK_TEXT(unescaped("\\u00e9\\u20ac\\ud83d\\ude00"), "\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80");
  CHECK_TEXT(unescaped("\\u0000"), "\xef\xbf\xbd");
  CHECK_TEXT(unescaped("\\ud83d!"), "\xef\xbf\xbd!");
  CHECK_TEXT(unescaped("\\ude00"), "\xef\xbf\xbd");
  CHECK_TEXT(unescaped("1234567", 8), "1234567");
  CHECK_TEXT(unescaped("12345678", 8), "(does not fit)");
}

TEST(decimals_are_those_of_the_sensor) {
  CHECK_TEXT(decimal(24.5f, 1), "24.5");
  CHECK_TEXT(decimal(24.3f, 1), "24.3");  // not 24.299999
  CHECK_TEXT(decimal(61, 1), "61");
  CHECK_TEXT(decimal(-0.04f, 1), "0");
  CHECK_TEXT(decimal(-0.06f, 1), "-0.1");
  CHECK_TEXT(decimal(-12.25f, 2), "-12.25");
  CHECK_TEXT(decimal(1013.25f, 2), "1013.25");
  CHECK_TEXT(decimal(0.001f, 3), "0.001");
  CHECK_TEXT(decimal(0.000001f, 9), "0.000001");
  CHECK_TEXT(decimal(99.96f, 1), "100");
  CHECK_TEXT(decimal(5.05f, 2), "5.05");
  CHECK_TEXT(decimal(8388608, 0), "8388608");
  CHECK_TEXT(decimal(3e38f, 6), "300000001e30");
  CHECK_TEXT(decimal(NAN, 1), "null");
  CHECK_TEXT(decimal(INFINITY, 1), "null");
  CHECK_TEXT(decimal(-INFINITY, 1), "null");
}

TEST(every_tenth_is_written_as_it_is_read) {
  for (int tenths = -400; tenths <= 1250; tenths++) {
    const char* text = decimal(static_cast<float>(tenths) / 10, 1);
    int back = 0;
    bool point = false;
    for (const char* c = text; *c != '\0'; c++) {
      if (*c == '.') point = true;
      if (*c >= '0' && *c <= '9') back = back * 10 + (*c - '0');
    }
    if (!point) back *= 10;
    CHECK_EQ(text[0] == '-' ? -back : back, tenths);
  }
}

TEST(writer_never_writes_past_its_buffer) {
  const char want[] = "{\"A\":18446744073709551615,\"B\":-9223372036854775808,\"C\":\"x\\\"\\u000a\",\"D\":1.5,\"E\":null}";
  for (size_t size = 0; size <= sizeof want; size++) {
    char buffer[sizeof want + 8];
    memset(buffer, '#', sizeof buffer);
    Writer writer(buffer, size);
    writer.open();
    writer.key("A");
    writer.number(UINT64_MAX);
    writer.key("B");
    writer.signedNumber(INT64_MIN);
    writer.key("C");
    writer.text("x\"\n");
    writer.key("D");
    writer.decimal(1.5f, 3);
    writer.key("E");
    writer.null();
    writer.close();
    CHECK_EQ(writer.ok(), size >= sizeof want - 1);
    CHECK_EQ(memcmp(buffer, want, writer.length()), 0);
    for (size_t i = size; i < sizeof buffer; i++) CHECK_EQ(buffer[i], '#');
  }
}
