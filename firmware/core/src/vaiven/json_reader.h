// Flat JSON objects, read in place: no copy, no recursion, no allocation.
#pragma once

#include <stddef.h>
#include <stdint.h>

namespace vaiven {

// Slice is a piece of a message, valid as long as that is.
struct Slice {
  const char* at = nullptr;
  size_t length = 0;

  bool is(const char* text) const;
};

enum class JsonKind : uint8_t { kNull, kFalse, kTrue, kNumber, kText, kNested };

// Field is a key with its value. Text is without its quotes, its escapes as they
// were written; a number as it was written; a nested value with its brackets.
struct Field {
  Slice key;
  JsonKind kind = JsonKind::kNull;
  Slice value;
};

// ObjectReader walks the fields of one object:
//
//   ObjectReader reader(text, length);
//   Field field;
//   while (reader.next(field)) ...
//   if (!reader.complete()) ...  // was no flat object: trust nothing of it
//
// An object or array under a key is stepped over as a whole, without judging
// what is in it, so that a later server may send one.
class ObjectReader {
 public:
  ObjectReader(const char* text, size_t length) : at_(text), end_(text + length) {}

  bool next(Field& field);
  // complete says that the object was read up to its end, and nothing behind.
  bool complete() const { return state_ == State::kDone; }

 private:
  enum class State : uint8_t { kBegin, kFields, kDone, kBroken };

  bool broken();
  bool finish();
  void space();
  bool take(char c);
  bool string(Slice& text);
  bool value(Field& field);
  bool literal(const char* word);
  bool number(Slice& text);
  bool nested(Slice& text);

  const char* at_;
  const char* end_;
  State state_ = State::kBegin;
};

// Numbers as the protocol has them. False when the text is another kind of
// number: negative, with a fraction or an exponent, or too big.
bool toUnsigned(const Slice& text, uint64_t& value);
// toWhole reads an integer of 32 bits; a fraction is cut.
bool toWhole(const Slice& text, int32_t& value);

// unescape writes a text's content and a NUL. False when it does not fit in
// `size` bytes; out then holds as many whole characters as did.
bool unescape(const Slice& text, char* out, size_t size, size_t& length);

}  // namespace vaiven
