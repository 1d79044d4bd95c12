#include "json_reader.h"

#include <string.h>

namespace vaiven {

namespace {

bool digit(char c) { return c >= '0' && c <= '9'; }

// hex returns the value of a hexadecimal digit, -1 for none.
int hex(char c) {
  if (digit(c)) return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

// unit reads the four digits of a \u escape, -1 when there are not four.
int32_t unit(const char* at, const char* end) {
  if (end - at < 4) return -1;
  int32_t value = 0;
  for (int i = 0; i < 4; i++) {
    const int h = hex(at[i]);
    if (h < 0) return -1;
    value = value * 16 + h;
  }
  return value;
}

}  // namespace

bool Slice::is(const char* text) const {
  return length == strlen(text) && memcmp(at, text, length) == 0;
}

bool ObjectReader::broken() {
  state_ = State::kBroken;
  return false;
}

void ObjectReader::space() {
  while (at_ < end_ && (*at_ == ' ' || *at_ == '\t' || *at_ == '\n' || *at_ == '\r')) at_++;
}

bool ObjectReader::take(char c) {
  if (at_ == end_ || *at_ != c) return false;
  at_++;
  return true;
}

bool ObjectReader::finish() {
  space();
  state_ = at_ == end_ ? State::kDone : State::kBroken;
  return false;
}

bool ObjectReader::next(Field& field) {
  if (state_ == State::kDone || state_ == State::kBroken) return false;
  space();
  if (state_ == State::kBegin) {
    if (!take('{')) return broken();
    state_ = State::kFields;
    space();
    if (take('}')) return finish();
  } else {
    if (take('}')) return finish();
    if (!take(',')) return broken();
    space();
  }
  if (!string(field.key)) return broken();
  space();
  if (!take(':')) return broken();
  space();
  return value(field) || broken();
}

bool ObjectReader::value(Field& field) {
  if (at_ == end_) return false;
  field.value = {at_, 0};
  switch (*at_) {
    case '"':
      field.kind = JsonKind::kText;
      return string(field.value);
    case '{':
    case '[':
      field.kind = JsonKind::kNested;
      return nested(field.value);
    case 't':
      field.kind = JsonKind::kTrue;
      return literal("true");
    case 'f':
      field.kind = JsonKind::kFalse;
      return literal("false");
    case 'n':
      field.kind = JsonKind::kNull;
      return literal("null");
  }
  field.kind = JsonKind::kNumber;
  return number(field.value);
}

bool ObjectReader::literal(const char* word) {
  const size_t length = strlen(word);
  if (static_cast<size_t>(end_ - at_) < length || memcmp(at_, word, length) != 0) return false;
  at_ += length;
  return true;
}

// string steps over a string; what it finds is valid up to \u escapes of lone
// surrogates.
bool ObjectReader::string(Slice& text) {
  if (!take('"')) return false;
  text.at = at_;
  while (at_ < end_) {
    const char c = *at_++;
    if (c == '"') {
      text.length = static_cast<size_t>(at_ - 1 - text.at);
      return true;
    }
    if (static_cast<unsigned char>(c) < ' ') return false;
    if (c != '\\') continue;
    if (at_ == end_) return false;
    const char escape = *at_++;
    if (escape == 'u') {
      if (unit(at_, end_) < 0) return false;
      at_ += 4;
    } else if (escape == '\0' || strchr("\"\\/bfnrt", escape) == nullptr) {
      return false;
    }
  }
  return false;
}

// number follows RFC 8259 section 6.
bool ObjectReader::number(Slice& text) {
  const char* begin = at_;
  auto digits = [this] {
    const char* from = at_;
    while (at_ < end_ && digit(*at_)) at_++;
    return at_ > from;
  };
  take('-');
  if (!take('0') && !digits()) return false;
  if (take('.') && !digits()) return false;
  if (take('e') || take('E')) {
    if (!take('+')) take('-');
    if (!digits()) return false;
  }
  text = {begin, static_cast<size_t>(at_ - begin)};
  return true;
}

// nested steps over an object or array by counting brackets.
bool ObjectReader::nested(Slice& text) {
  const char* begin = at_;
  size_t depth = 0;
  while (at_ < end_) {
    const char c = *at_;
    if (c == '"') {
      Slice inner;
      if (!string(inner)) return false;
      continue;
    }
    at_++;
    if (c == '{' || c == '[') depth++;
    if (c != '}' && c != ']') continue;
    if (--depth == 0) {
      text = {begin, static_cast<size_t>(at_ - begin)};
      return true;
    }
  }
  return false;
}

bool toUnsigned(const Slice& text, uint64_t& value) {
  if (text.length == 0) return false;
  uint64_t n = 0;
  for (size_t i = 0; i < text.length; i++) {
    if (!digit(text.at[i])) return false;
    const uint64_t d = static_cast<uint64_t>(text.at[i] - '0');
    if (n > (UINT64_MAX - d) / 10) return false;
    n = n * 10 + d;
  }
  value = n;
  return true;
}

bool toWhole(const Slice& text, int32_t& value) {
  const bool negative = text.length > 0 && text.at[0] == '-';
  Slice whole = {text.at + negative, text.length - negative};
  for (size_t i = 0; i < whole.length; i++) {
    if (whole.at[i] == 'e' || whole.at[i] == 'E') return false;
  }
  for (size_t i = 0; i < whole.length; i++) {
    if (whole.at[i] == '.') whole.length = i;
  }
  uint64_t n = 0;
  if (!toUnsigned(whole, n) || n > INT32_MAX) return false;
  value = negative ? -static_cast<int32_t>(n) : static_cast<int32_t>(n);
  return true;
}

namespace {

constexpr uint32_t kReplacement = 0xfffd;

bool surrogate(int32_t unit, int32_t first) { return unit >= first && unit < first + 0x400; }

// escaped reads what follows a backslash and steps over it.
uint32_t escaped(const char*& at, const char* end) {
  const char c = *at++;
  switch (c) {
    case 'b': return '\b';
    case 'f': return '\f';
    case 'n': return '\n';
    case 'r': return '\r';
    case 't': return '\t';
    case 'u': break;
    default: return static_cast<unsigned char>(c);
  }
  const int32_t high = unit(at, end);
  if (high < 0) return kReplacement;
  at += 4;
  if (surrogate(high, 0xd800) && end - at >= 6 && at[0] == '\\' && at[1] == 'u') {
    const int32_t low = unit(at + 2, end);
    if (surrogate(low, 0xdc00)) {
      at += 6;
      return 0x10000u + (static_cast<uint32_t>(high - 0xd800) << 10) + static_cast<uint32_t>(low - 0xdc00);
    }
  }
  // A NUL would end the text for whoever gets it.
  return high == 0 || surrogate(high, 0xd800) || surrogate(high, 0xdc00) ? kReplacement : static_cast<uint32_t>(high);
}

// utf8 encodes a code point (RFC 3629) and returns how many bytes that took.
size_t utf8(uint32_t point, char* out) {
  static const uint8_t lead[] = {0, 0, 0xc0, 0xe0, 0xf0};
  if (point < 0x80) {
    out[0] = static_cast<char>(point);
    return 1;
  }
  const size_t n = point < 0x800 ? 2 : point < 0x10000 ? 3 : 4;
  for (size_t i = n; i-- > 1; point >>= 6) out[i] = static_cast<char>(0x80 | (point & 0x3f));
  out[0] = static_cast<char>(lead[n] | point);
  return n;
}

}  // namespace

bool unescape(const Slice& text, char* out, size_t size, size_t& length) {
  const char* at = text.at;
  const char* end = text.at + text.length;
  length = 0;
  if (size == 0) return false;
  out[0] = '\0';
  while (at < end) {
    char bytes[4] = {*at};
    size_t n = 1;
    if (*at++ == '\\' && at < end) n = utf8(escaped(at, end), bytes);
    if (length + n >= size) return false;
    memcpy(out + length, bytes, n);
    length += n;
    out[length] = '\0';
  }
  return true;
}

}  // namespace vaiven
